package local

import (
	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// checkSpace refuses what cannot be made on this machine.
func (e *Engine) checkSpace(s engine.Space) error {
	if err := validID("space", s.ID); err != nil {
		return err
	}
	if !s.Dynos.IsValid() || !s.Dynos.Addr().Is4() || s.Dynos.Bits() > 24 || s.Dynos != s.Dynos.Masked() {
		return cloister.Errorf(cloister.Invalid, "The network of a space must be an IPv4 range of at least a /24; %s is not.", s.Dynos)
	}
	if s.Data.IsValid() && (!s.Data.Addr().Is4() || s.Data.Bits() > 28 || s.Data != s.Data.Masked() || s.Data.Overlaps(s.Dynos)) {
		return cloister.Errorf(cloister.Invalid, "The data network %s must be an IPv4 range apart from %s.", s.Data, s.Dynos)
	}
	if s.Dynos.Overlaps(e.Transit) || s.Data.IsValid() && s.Data.Overlaps(e.Transit) {
		return cloister.Errorf(cloister.Invalid, "The networks of a space must be apart from the transit range %s.", e.Transit)
	}
	if err := s.Check(); err != nil {
		return err
	}
	if s.Internal == resolverOf(s) {
		return cloister.Errorf(cloister.Invalid, "The internal address %s is where the space's resolver is.", s.Internal)
	}
	for _, a := range s.Outbound {
		if !inPool(e.Outbound, a) {
			return cloister.Errorf(cloister.Invalid, "Outbound address %s is not in this machine's pool.", a)
		}
	}
	for _, a := range s.Ingress {
		if !inPool(e.Ingress, a) {
			return cloister.Errorf(cloister.Invalid, "Ingress address %s is not in this machine's pool.", a)
		}
	}
	return e.checkPeers(s)
}
