package check

func podRules() []*Rule { return nil }
