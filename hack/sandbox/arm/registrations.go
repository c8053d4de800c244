package arm

import "time"

// A registration is a feature or a provider that takes a while to register.
type registration struct {
	name  string
	takes time.Duration
	// settled is the state before the last request.
	settled string
	// during and then are the states while the last request is carried out, and
	// after it.
	during, then string
	asked        time.Time
}

func newRegistration(name, state string, takes time.Duration) *registration {
	return &registration{name: name, takes: takes, settled: state, then: state}
}

// state is what the registration says at a time.
func (r *registration) state(now time.Time) string {
	switch {
	case r.asked.IsZero():
		return r.settled
	case now.Before(r.asked.Add(r.takes)):
		return r.during
	}
	return r.then
}

// ask starts to bring the registration to another state. What is there already,
// or on its way, is left alone.
func (r *registration) ask(during, then string, now time.Time) {
	if state := r.state(now); state == during || state == then {
		return
	}
	r.settled, r.during, r.then, r.asked = r.state(now), during, then, now
}

// since is when the present state was reached.
func (r *registration) since() time.Time {
	if r.asked.IsZero() {
		return time.Time{}
	}
	return r.asked.Add(r.takes)
}
