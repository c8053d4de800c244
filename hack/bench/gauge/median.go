package gauge

import (
	"cmp"
	"slices"
)

// number is anything with a middle.
type number interface{ ~int | ~int64 | ~float64 }

// Median is the middle one, or the mean of the two in the middle; 0 of none.
func Median[T number](all []T) T {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(all), cmp.Compare)
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}
