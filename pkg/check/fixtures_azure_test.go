package check

func azureFixtures() map[string]fixture { return map[string]fixture{} }
