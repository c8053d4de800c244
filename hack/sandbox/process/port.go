package process

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are taken from below the range that kernels hand out to outgoing
// connections, so that none of those takes a port between being found free and
// being used.
const (
	firstPort = 20000
	lastPort  = 32000
	portTries = 100
)

// freePorts finds ports on the loopback interface that nobody listens on.
func freePorts(ctx context.Context, n int) ([]int, error) {
	var listen net.ListenConfig
	var ports []int
	for range portTries {
		if len(ports) == n {
			return ports, nil
		}
		port := firstPort + rand.IntN(lastPort-firstPort)
		listener, err := listen.Listen(ctx, "tcp", Loopback(port))
		if err != nil {
			continue
		}
		defer func() { _ = listener.Close() }()
		ports = append(ports, port)
	}
	return nil, fmt.Errorf("find %d free ports between %d and %d on the loopback interface", n, firstPort, lastPort)
}

// Loopback is the address of a port on the loopback interface.
func Loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// collisions is how often a start is tried again on other ports.
const collisions = 3

// OnFreePorts calls start with free ports, and again with others if another
// program was quicker to use one of them.
func OnFreePorts(ctx context.Context, n int, start func(ports []int) error) error {
	for try := 1; ; try++ {
		ports, err := freePorts(ctx, n)
		if err != nil {
			return err
		}
		err = start(ports)
		if err == nil || try == collisions || !errors.Is(err, ErrPortTaken) {
			return err
		}
	}
}
