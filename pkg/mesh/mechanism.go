package mesh

// Mechanism is a redirection mechanism, spelt as Azure spells it in
// properties.serviceMeshProfile.istio.components.proxyRedirectionMechanism.
// Azure's enumeration is open: other values can appear.
type Mechanism string

// The mechanisms known today.
const (
	// Unknown means that the mechanism could not be read. It never means "off".
	Unknown        Mechanism = ""
	InitContainers Mechanism = "InitContainers"
	CNIChaining    Mechanism = "CNIChaining"
)

// RedirectContainer is the init container that pods get under m, or "" where
// that is not known.
func (m Mechanism) RedirectContainer() string {
	switch m {
	case InitContainers:
		return InitContainer
	case CNIChaining:
		return ValidationContainer
	default:
		return ""
	}
}

// String is Azure's spelling, or "unknown".
func (m Mechanism) String() string {
	if m == Unknown {
		return "unknown"
	}
	return string(m)
}
