package arm

import (
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// operationURL is the URL at which an operation is followed. Like Azure's it is
// opaque, about 4 KB long, carries an api-version of its own, and is signed: t
// is a time, c a certificate, s the signature, h a hash.
func (s *Server) operationURL(r *http.Request, op *operation, kind string) string {
	path := fmt.Sprintf("/subscriptions/%s/providers/Microsoft.ContainerService/locations/%s/%s/%s",
		op.cluster.Subscription, location(op.cluster.Location), kind, op.id)
	t := strconv.FormatInt(ticks(op.started), 10)
	signature, hash := s.signURL(path, t)
	return s.base(r) + path + "?api-version=2025-03-01&t=" + t + "&c=" + certificate() + "&s=" + signature + "&h=" + hash
}

// isSigned reports whether a URL is one that this server handed out, whole.
func (s *Server) isSigned(u *url.URL) bool {
	query := u.Query()
	signature, hash := s.signURL(u.Path, query.Get("t"))
	return hmac.Equal([]byte(query.Get("s")), []byte(signature)) &&
		hmac.Equal([]byte(query.Get("h")), []byte(hash)) &&
		query.Get("c") == certificate()
}

// signURL makes a signature as long as an RSA one, and a hash.
func (s *Server) signURL(path, t string) (signature, hash string) {
	path = strings.ToLower(path)
	var long []byte
	for i := range 8 {
		long = append(long, s.sign("url", path, t, strconv.Itoa(i))...)
	}
	return base64.RawURLEncoding.EncodeToString(long), base64.RawURLEncoding.EncodeToString(s.sign("hash", path, t))
}

// certificate is something of the size and the spelling of a certificate.
func certificate() string {
	var long strings.Builder
	for i := range 36 {
		long.WriteString(digest("certificate", strconv.Itoa(i)))
	}
	return "MII" + base64.RawURLEncoding.EncodeToString([]byte(long.String()))
}

// ticks counts the 100-nanosecond intervals since the year 1.
func ticks(t time.Time) int64 {
	const ticksAtUnixEpoch = 621355968000000000
	return ticksAtUnixEpoch + t.UnixNano()/100
}
