package check

func namespaceFixtures() map[string]fixture { return map[string]fixture{} }
