package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// digest is 64 hexadecimal digits that look random and are always the same.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// letters are those that Kubernetes puts at the end of generated names.
const letters = "bcdfghjklmnpqrstvwxz2456789"

// generated is the end of a name as Kubernetes generates it, n letters of it.
func generated(text string, n int) string {
	sum := sha256.Sum256([]byte(text))
	var b strings.Builder
	for _, c := range sum[:n] {
		b.WriteByte(letters[int(c)%len(letters)])
	}
	return b.String()
}
