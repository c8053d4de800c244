package plan

import "slices"

// Notice is something that a person should know before a change.
type Notice struct {
	// Blocks is set if the change must not be made.
	Blocks bool   `json:"blocks"`
	Text   string `json:"text"`
	// Remedy is what to do about it; may be empty.
	Remedy string `json:"remedy,omitempty"`
}

// Notices are in the order in which they were found.
type Notices []Notice

func (n *Notices) block(text, remedy string) { *n = append(*n, Notice{true, text, remedy}) }
func (n *Notices) warn(text, remedy string)  { *n = append(*n, Notice{false, text, remedy}) }

// Blocking returns those that forbid the change.
func (n Notices) Blocking() Notices {
	return slices.DeleteFunc(slices.Clone(n), func(x Notice) bool { return !x.Blocks })
}

// Warnings returns those that do not.
func (n Notices) Warnings() Notices {
	return slices.DeleteFunc(slices.Clone(n), func(x Notice) bool { return x.Blocks })
}
