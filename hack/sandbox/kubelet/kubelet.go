// Package kubelet stands in for the nodes' kubelets where the API server calls
// them: it hands out the logs of containers, for as far as somebody wrote them.
//
// The API server comes through a tunnel, as it does in AKS.
package kubelet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/controlplane"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/pki"
)

// port that kubelets listen on, and the only one that the tunnel leads to.
const port = ":10250"

// Server is all nodes' kubelets.
type Server struct {
	dir         string
	certificate tls.Certificate
	tunnel      *http.Server
	kubelets    *http.Server
	connections connections
	address     string
}

// Start serves kubelets whose logs, keys and certificates are in dir.
func Start(ctx context.Context, dir string) (*Server, error) {
	s := &Server{dir: dir, connections: connections{make(chan net.Conn), make(chan struct{})}}
	for _, folder := range []string{s.logs(), filepath.Join(dir, "kubelets")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("make a folder for kubelets: %w", err)
		}
	}
	authority, err := s.certify()
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a port for the kubelets: %w", err)
	}
	s.address = listener.Addr().String()
	s.tunnel = &http.Server{Handler: http.HandlerFunc(s.connect), ReadHeaderTimeout: 10 * time.Second}
	s.kubelets = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_ = s.tunnel.Serve(tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{s.certificate}, MinVersion: tls.VersionTLS12,
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority,
		}))
	}()
	go func() {
		_ = s.kubelets.Serve(tls.NewListener(s.connections, &tls.Config{
			Certificates: []tls.Certificate{s.certificate}, MinVersion: tls.VersionTLS12,
		}))
	}()
	return s, nil
}

// certify makes an authority of the tunnel's own, for both its ends.
func (s *Server) certify() (*x509.CertPool, error) {
	authority, err := pki.New("tunnel-ca")
	if err != nil {
		return nil, err
	}
	server, err := authority.Server("tunnel", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	if s.certificate, err = tls.X509KeyPair(server.Certificate, server.Key); err != nil {
		return nil, fmt.Errorf("use the tunnel's certificate: %w", err)
	}
	client, err := authority.Client("apiserver")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.file("ca.crt"), authority.Certificate(), 0o600); err != nil {
		return nil, fmt.Errorf("write the tunnel's authority: %w", err)
	}
	return authority.ClientTLS().RootCAs, client.Write(s.file(""), "apiserver")
}

func (s *Server) file(name string) string { return filepath.Join(s.dir, "kubelets", name) }

func (s *Server) logs() string { return filepath.Join(s.dir, "containers") }

// Tunnel is how the API server reaches the kubelets.
func (s *Server) Tunnel() controlplane.Tunnel {
	return controlplane.Tunnel{
		URL: "https://" + s.address, Authority: s.file("ca.crt"), Certificate: s.file("apiserver.crt"), Key: s.file("apiserver.key"),
	}
}

// WriteLog gives a container a log, or one to the container before its last
// restart. Without one, a container has written nothing, and there was none
// before it.
func (s *Server) WriteLog(namespace, pod, container string, previous bool, text string) error {
	folder := filepath.Join(s.logs(), namespace, pod)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make a folder for logs: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, logName(container, previous)), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write a log: %w", err)
	}
	return nil
}

func logName(container string, previous bool) string {
	if previous {
		return container + ".previous.log"
	}
	return container + ".log"
}

// Close ends all connections.
func (s *Server) Close() error {
	return errors.Join(s.tunnel.Close(), s.kubelets.Close())
}

// connect leads to a node's kubelet, and nowhere else.
func (s *Server) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect || !strings.HasSuffix(r.Host, port) {
		http.Error(w, "nothing is there", http.StatusBadGateway)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if _, err := fmt.Fprint(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = conn.Close()
		return
	}
	select {
	case s.connections.all <- conn:
	case <-s.connections.closed:
		_ = conn.Close()
	}
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", s.serveLog)
	return mux
}

// connections are those that came through the tunnel.
type connections struct {
	all    chan net.Conn
	closed chan struct{}
}

// Accept waits for a connection.
func (c connections) Accept() (net.Conn, error) {
	select {
	case conn := <-c.all:
		return conn, nil
	case <-c.closed:
		return nil, net.ErrClosed
	}
}

// Close is called once, by the server.
func (c connections) Close() error {
	close(c.closed)
	return nil
}

// Addr is of no use to anybody.
func (c connections) Addr() net.Addr { return &net.TCPAddr{} }
