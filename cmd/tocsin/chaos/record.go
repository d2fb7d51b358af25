package chaos

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
)

// Record puts rows into a file, in the place of older rows of the same scenario
// on the same system, and returns all that it has, in the order of All. So a
// table can be made of runs at different times.
func Record(path string, rows []Row) ([]Row, error) {
	var all []Row
	old, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(old, &all); err != nil {
			return nil, err
		}
	}
	for _, r := range rows {
		if r.Err != nil {
			continue // there is nothing to keep
		}
		all = slices.DeleteFunc(all, func(o Row) bool { return o.System == r.System && o.Scenario == r.Scenario })
		all = append(all, r)
	}
	order := map[string]int{}
	for i, sc := range All() {
		order[sc.Name] = i
	}
	all = slices.DeleteFunc(all, func(o Row) bool { _, known := order[o.Scenario]; return !known })
	slices.SortStableFunc(all, func(a, b Row) int { return order[a.Scenario] - order[b.Scenario] })
	data, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return nil, err
	}
	return all, os.WriteFile(path, data, 0o600)
}
