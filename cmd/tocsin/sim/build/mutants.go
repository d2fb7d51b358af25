package main

// mutant is a rule of the product that is broken on purpose, to see that the
// simulation notices.
type mutant struct {
	name    string
	changes []change
}

var mutants = []mutant{}

func mutantOf(name string) (mutant, bool) {
	for _, m := range mutants {
		if m.name == name {
			return m, true
		}
	}
	return mutant{}, false
}
