package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/arm"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
)

// screen is a terminal, played by tmux, in which the plugin runs.
type screen struct {
	session

	socket string
	// raw is the file of what the plugin sent to it.
	raw string
}

// open runs the plugin at a terminal of a size.
func (s session) open(width, height int, args ...string) *screen {
	s.t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		s.t.Fatal("this test drives the plugin in tmux, which is not installed (apt-get install tmux)")
	}
	dir := s.t.TempDir()
	c := &screen{s.with("TERM=xterm-256color", "LC_ALL=C.UTF-8", "TMUX=", "NO_COLOR=1"), "istio-cni-e2e-" + strconv.Itoa(os.Getpid()) + "-" + filepath.Base(filepath.Dir(dir)), filepath.Join(dir, "raw")}
	// It waits for a line, so that nothing that it sends is missed.
	command := "read -r _; '" + plugin() + "' " + strings.Join(args, " ") + `; echo "exit code $?"; sleep 600`
	c.tmux("-u", "-f", "/dev/null", "new-session", "-d", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height), command)
	s.t.Cleanup(func() {
		kill := exec.Command("tmux", "-L", c.socket, "kill-server")
		kill.Env = c.env
		// It may have ended with its last session.
		_ = kill.Run()
	})
	c.tmux("pipe-pane", "cat >'"+c.raw+"'")
	c.keys("Enter")
	return c
}

func (c *screen) tmux(args ...string) string {
	c.t.Helper()
	cmd := exec.Command("tmux", append([]string{"-L", c.socket}, args...)...)
	cmd.Env = c.env
	output, err := cmd.CombinedOutput()
	if err != nil {
		c.t.Fatalf("tmux %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return string(output)
}

// keys presses keys, by the names that tmux has for them.
func (c *screen) keys(names ...string) {
	c.t.Helper()
	c.tmux(append([]string{"send-keys"}, names...)...)
}

// shows waits until all texts are on the screen, and returns it.
func (c *screen) shows(texts ...string) string {
	c.t.Helper()
	shown := ""
	until(c.t, func() string {
		shown = c.tmux("capture-pane", "-p")
		for _, text := range texts {
			if !strings.Contains(shown, text) {
				return strconv.Quote(text) + " is missing on\n" + shown
			}
		}
		return ""
	})
	return shown
}

// golden compares the screen, once the texts are on it, with a file.
func (c *screen) golden(name string, texts ...string) {
	c.t.Helper()
	shown := regexp.MustCompile(`as of [0-9-]+ [0-9:]+ UTC`).ReplaceAllString(c.shows(texts...), "as of TIME UTC")
	shown = regexp.MustCompile(`of \d+ checks`).ReplaceAllString(shown, "of N checks")
	golden(c.t, "troubleshoot/"+name, result{stdout: shown})
}

// A cause with a safe fix is found, looked at and mended, at a terminal.
func TestTroubleshoot(t *testing.T) {
	t.Parallel()
	b := start(t, box.Options{Mechanism: arm.CNIChaining})
	s := sessionOn(t, b)
	s.apply(namespace("shop", "istio.io/rev: asm-1-27, istio-injection: enabled"))

	c := s.open(80, 24, "troubleshoot")
	c.golden("findings", "ICNI402", "? help  q quit")
	c.keys("z")
	c.golden("detail", "z beside", "Remedy")
	c.keys("Left")
	c.shows("right detail")
	c.keys("?")
	c.golden("help", "Keys", "ctrl+l")
	c.keys("q")
	c.shows("exit code 0")
	isQuiet(t, c.raw)

	c = s.open(80, 24, "troubleshoot")
	c.shows("ICNI402")
	c.keys("x")
	c.golden("fix", "Send it? [y/N]")
	c.keys("n")
	c.shows("Nothing was changed.")
	has(t, s.kubectl("get", "namespace", "shop", "--show-labels"), "istio-injection=enabled")
	c.keys("x")
	c.shows("Send it? [y/N]")
	c.keys("y")
	c.golden("fixed", "and ICNI402 on namespace/shop is gone.", "r refresh")
	hasNot(t, s.kubectl("get", "namespace", "shop", "--show-labels"), "istio-injection")

	// It fits a smaller terminal, and notices that it has become one.
	c.tmux("resize-window", "-x", "60", "-y", "15")
	until(t, func() string {
		if shown := c.tmux("capture-pane", "-p"); strings.Contains(shown, "│") || !strings.Contains(shown, "as of") {
			return "the screen is not drawn anew:\n" + shown
		}
		return ""
	})
	c.golden("smaller", "right detail")
	c.keys("C-c")
	c.shows("exit code 0")
}

// A change that came too late is not made.
func TestTroubleshootTooLate(t *testing.T) {
	t.Parallel()
	b := start(t, box.Options{Mechanism: arm.CNIChaining})
	s := sessionOn(t, b)
	s.apply(namespace("shop", "istio.io/rev: asm-1-27, istio-injection: enabled"))
	b.ARM.ClearRequests()
	c := s.open(100, 30, "troubleshoot")
	before := c.shows("ICNI402", "as of")
	time.Sleep(time.Second)
	c.keys("r")
	until(t, func() string {
		if shown := c.shows("as of"); strings.Contains(shown, strings.Split(before, "\n")[0]) || strings.Contains(shown, "Refreshing") {
			return "it was not read again:\n" + shown
		}
		return ""
	})
	// Reading again goes on with the sign-in that there is.
	signIns := 0
	for _, request := range b.ARM.Requests() {
		if request.Operation == "token" {
			signIns++
		}
	}
	if signIns != 1 {
		t.Errorf("%d sign-ins", signIns)
	}
	c.keys("x")
	c.shows("Send it? [y/N]")
	s.kubectl("label", "namespace", "shop", "istio-injection=disabled", "--overwrite")
	c.keys("y")
	c.shows("somebody has changed its labels meanwhile; nothing was changed")
	has(t, s.kubectl("get", "namespace", "shop", "--show-labels"), "istio-injection=disabled")
	c.keys("q")
	c.shows("exit code 0")

	// Without a terminal the same is printed, and scripts are not told otherwise.
	r := s.plugin("troubleshoot").must(t, 0)
	has(t, r.stdout, "checks: ")
	hasNot(t, r.stdout, "\x1b")
	has(t, s.plugin("troubleshoot", "pod/nobody").must(t, 1).stderr, "cannot find pod/nobody in default: there is no such pod")
	has(t, s.with("TERM=dumb").plugin("troubleshoot", "node/nowhere").must(t, 1).stderr, "there is no such node")
}

// isQuiet fails the test if the plugin asked the terminal anything, changed its
// keyboard or left it changed.
func isQuiet(t *testing.T, raw string) {
	t.Helper()
	time.Sleep(100 * time.Millisecond)
	sent, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]string{{"\x1b[?1049h", "\x1b[?1049l"}, {"\x1b[?2004h", "\x1b[?2004l"}, {"\x1b[?25l", "\x1b[?25h"}} {
		if strings.LastIndex(string(sent), pair[1]) < strings.LastIndex(string(sent), pair[0]) || !strings.Contains(string(sent), pair[0]) {
			t.Errorf("%q is not followed by %q", pair[0], pair[1])
		}
	}
	for name, pattern := range map[string]string{
		"device attributes": `\x1b\[[>=]?[0-9]*c`, "a mode": `\x1b\[\?[0-9]+\$p`, "a status": `\x1b\[\??[0-9]+n`, "the keyboard": `\x1b\[[?<>=][0-9;]*[um]`,
		"a title": `\x1b\][0-9]`, "a capability": `\x1bP\+q`, "the mouse": `\x1b\[\?100[0-6]h`,
	} {
		if found := regexp.MustCompile(pattern).FindString(string(sent)); found != "" {
			t.Errorf("it sent something about %s: %q", name, found)
		}
	}
}
