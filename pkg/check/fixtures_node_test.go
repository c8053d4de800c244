package check

func nodeFixtures() map[string]fixture { return map[string]fixture{} }
