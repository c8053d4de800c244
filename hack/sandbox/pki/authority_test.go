package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/pki"
)

func parse(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("not in PEM")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func TestServer(t *testing.T) {
	authority, err := pki.New("contoso")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Server("server", "api.contoso.example", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(pair.Certificate, pair.Key); err != nil {
		t.Error("certificate and key do not fit:", err)
	}
	certificate, roots := parse(t, pair.Certificate), authority.ClientTLS().RootCAs
	for host, want := range map[string]bool{"api.contoso.example": true, "127.0.0.1": true, "api.fabrikam.example": false} {
		_, err := certificate.Verify(x509.VerifyOptions{DNSName: host, Roots: roots})
		if (err == nil) != want {
			t.Errorf("as %s: %v, want valid: %t", host, err, want)
		}
	}
}

func TestStoredAuthority(t *testing.T) {
	authority, err := pki.New("contoso")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Pair()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := pair.Write(dir, "ca"); err != nil {
		t.Fatal(err)
	}
	stored, err := pki.Load(dir, "ca")
	if err != nil {
		t.Fatal(err)
	}
	client, err := stored.Client("jane", "admins")
	if err != nil {
		t.Fatal(err)
	}
	certificate := parse(t, client.Certificate)
	if certificate.Subject.CommonName != "jane" || certificate.Subject.Organization[0] != "admins" {
		t.Errorf("issued for %s", certificate.Subject)
	}
	usage := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if _, err := certificate.Verify(x509.VerifyOptions{Roots: authority.ClientTLS().RootCAs, KeyUsages: usage}); err != nil {
		t.Error(err)
	}
	if _, err := pki.Load(dir, "other"); err == nil {
		t.Error("an authority that is not there was loaded")
	}
}
