package config

import "slices"

// nearest is the candidate that is closest to a word, if it is close enough to
// be what was meant: at most two letters off, and at most a third of the word.
func nearest(word string, candidates []string) (string, bool) {
	best, distance := "", min(2, len(word)/3)+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if d := edits(word, c); d < distance {
			best, distance = c, d
		}
	}
	return best, best != ""
}

// didYouMean is a sentence's end that names the nearest candidate, or empty.
func didYouMean(word string, candidates []string) string {
	if c, ok := nearest(word, candidates); ok {
		return "; did you mean " + c + "?"
	}
	return ""
}

// edits counts the letters to insert, delete, replace or swap with their
// neighbour to make a into b.
func edits(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
