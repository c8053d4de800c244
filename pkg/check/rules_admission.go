package check

func admissionRules() []*Rule { return nil }
