package arm

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxBody bounds what a request may send. A cluster's document has some 30 KB.
const maxBody = 1 << 20

// Server is a simulated Azure Resource Manager with a managed-identity endpoint
// and control endpoints beside it. It may be used by many at once.
type Server struct {
	cfg     Config
	secret  []byte
	routes  []route
	control http.Handler
	// schemas of a managed cluster, with and without the mechanism.
	schema, oldSchema *shape
	readOnly          map[string]bool
	// now is the time. Tests have a clock of their own.
	now func() time.Time

	// mu guards what follows, and all that hangs from it.
	mu        sync.Mutex
	world     *world
	scenarios []string
	faults    []*fault
	log       requestLog
	closed    bool
}

// New makes a server. It panics if the configuration does not pass
// [Config.Validate]. Close ends what it started.
func New(cfg Config) *Server {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	s := &Server{
		cfg:       cfg.withDefaults(),
		secret:    make([]byte, 32),
		schema:    newShape(true),
		oldSchema: newShape(false),
		readOnly:  readOnlyMembers(),
		scenarios: slices.Clone(cfg.Scenarios),
		now:       time.Now,
	}
	rand.Read(s.secret)
	s.routes = s.routing()
	s.control = s.controls()
	s.world = newWorld(s, s.scenarios)
	s.faults, _ = parseFaults(cfg.Faults) // Validate has seen them
	return s
}

// Close ends running operations and waits for them. Requests after it find the
// server as it was, but start no operation.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	old := s.world
	s.mu.Unlock()
	old.stop()
}

// Reset brings clusters, features, registrations, scenarios and faults back to
// what the configuration says, and empties the request log. Running operations
// end. What Reconcile did to a real cluster stays.
func (s *Server) Reset() {
	faults, _ := parseFaults(s.cfg.Faults)
	s.mu.Lock()
	s.faults, s.log = faults, requestLog{}
	s.mu.Unlock()
	s.renew(s.cfg.Scenarios)
}

// renew starts a new world with scenarios.
func (s *Server) renew(scenarios []string) {
	s.mu.Lock()
	old := s.world
	s.scenarios = slices.Clone(scenarios)
	s.world = newWorld(s, s.scenarios)
	s.world.stopped = s.closed
	s.mu.Unlock()
	old.stop()
}

// Document is the stored document of a cluster, with every member that any
// api-version knows. The name is that of a cluster; empty means Config.Cluster.
// It is nil if there is no such cluster.
func (s *Server) Document(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name == "" {
		name = s.cfg.Cluster.Name
	}
	for _, c := range s.world.clusters {
		if strings.EqualFold(c.Name, name) {
			s.world.settle(c)
			return c.document.bytes()
		}
	}
	return nil
}

// ServeHTTP answers the simulated Azure, the managed-identity endpoint at
// /msi/token, and the control endpoints. Those need no token, since the server
// is for loopback only:
//
//	GET    /_sandbox/faults      the faults asked for, and what became of them
//	POST   /_sandbox/faults      add faults, one a line
//	DELETE /_sandbox/faults      remove all faults
//	GET    /_sandbox/scenarios   the scenarios in force, and all there are
//	PUT    /_sandbox/scenarios   put scenarios in force, one name a line, and start anew
//	GET    /_sandbox/requests    the last requests
//	DELETE /_sandbox/requests    forget them
//	GET    /_sandbox/cluster     the stored document; ?name= for another cluster
//	POST   /_sandbox/reset       start anew, with the faults and scenarios of the start
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_sandbox/") {
		s.control.ServeHTTP(w, r)
		return
	}
	c := s.newCall(w, r)
	answer := s.answer(c)
	answer.header = s.decorate(c, answer.header)
	s.record(c, answer)
	answer.send(w, c)
}

// answer finds the answer to a call, with the faults that were asked for.
func (s *Server) answer(c *call) reply {
	if c.err != nil {
		return replyTo(reply{}, c.err)
	}
	if c.route.operation != opToken {
		if err := s.authenticate(c); err != nil {
			return replyTo(reply{}, err)
		}
	}
	f := s.nextFault(c.route.operation)
	if f == nil {
		return s.handle(c)
	}
	c.fault = f.String()
	return s.play(f, c)
}

func (s *Server) handle(c *call) reply { return replyTo(c.route.handle(c)) }

// A world is all that the simulated Azure holds. A reset replaces it.
type world struct {
	cfg Config
	// mu is the server's lock, which operations take as well.
	mu       *sync.Mutex
	now      func() time.Time
	home     string
	versions []apiVersion
	clusters []*cluster
	features map[string]*registration
	provider *registration
	// propagated is when the provider was last asked to register.
	propagated time.Time
	operations map[string]*operation
	// recent has the ids of operations, oldest first, to bound their number.
	recent []string
	// flagGates: preview api-versions need the feature flag.
	flagGates bool
	// refuseReadOnly: a PUT must not have read-only members.
	refuseReadOnly bool

	// stopped: no operation may start any more.
	stopped bool
	running sync.WaitGroup
}

func newWorld(s *Server, scenarios []string) *world {
	cfg := s.cfg
	w := &world{cfg: cfg, mu: &s.mu, now: func() time.Time { return s.now() }, home: location(cfg.Cluster.Location), operations: map[string]*operation{}, versions: managedVersions(false)}
	w.features = map[string]*registration{}
	for _, name := range []string{"IstioCNIPreview", "AzureServiceMeshPreview", "AutomaticSKUPreview"} {
		w.features[strings.ToLower(name)] = newRegistration(name, "NotRegistered", cfg.Timing.Feature)
	}
	w.provider = newRegistration("Microsoft.ContainerService", "Registered", cfg.Timing.Provider)
	main := cfg.Cluster
	applied := chosen(scenarios)
	for _, scenario := range applied {
		if scenario.cluster != nil {
			scenario.cluster(&main)
		}
	}
	for _, c := range append([]Cluster{main}, cfg.Clusters...) {
		w.clusters = append(w.clusters, newCluster(c, cfg.Tenant))
	}
	for _, scenario := range applied {
		if scenario.world != nil {
			scenario.world(w, w.clusters[0])
		}
	}
	return w
}

// stop ends operations and waits for them. No operation may start any more.
func (w *world) stop() {
	w.mu.Lock()
	w.stopped = true
	for _, c := range w.clusters {
		if c.running != nil {
			c.running.cancel()
		}
	}
	w.mu.Unlock()
	w.running.Wait()
}

// subscriptions are those that hold clusters, the configured one first.
func (w *world) subscriptions() []string {
	all := []string{w.cfg.Subscription}
	for _, c := range w.clusters {
		if !slices.ContainsFunc(all, func(s string) bool { return strings.EqualFold(s, c.Subscription) }) {
			all = append(all, c.Subscription)
		}
	}
	return all
}

// checkSubscription refuses a subscription that this Azure does not have.
func (w *world) checkSubscription(name string) error {
	if !isGUID(name) {
		return gatewayError(400, "InvalidSubscriptionId", "The provided subscription identifier '%s' is malformed or invalid.", name)
	}
	for _, s := range w.subscriptions() {
		if strings.EqualFold(s, name) {
			return nil
		}
	}
	return subscriptionNotFound(name)
}
