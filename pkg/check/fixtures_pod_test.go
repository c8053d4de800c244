package check

func podFixtures() map[string]fixture { return map[string]fixture{} }
