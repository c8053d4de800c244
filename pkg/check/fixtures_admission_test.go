package check

func admissionFixtures() map[string]fixture { return map[string]fixture{} }
