package check

func namespaceRules() []*Rule { return nil }
