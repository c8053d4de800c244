// Command picture draws what a terminal shows as an SVG: it reads text with the
// few colour codes that the plugin uses from stdin and writes the picture to
// stdout. The README's pictures are made with it, so that they never show what
// the program does not print.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"html"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/mattn/go-runewidth"
)

const (
	charWidth  = 8.4
	lineHeight = 19
	padding    = 16
)

func main() {
	title := flag.String("title", "", "what the picture shows, for those who cannot see it")
	flag.Parse()
	if err := draw(os.Stdin, os.Stdout, *title); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func draw(r io.Reader, w io.Writer, title string) error {
	var lines []string
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		lines = append(lines, strings.TrimRight(scanner.Text(), " "))
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	columns := 0
	for _, line := range lines {
		columns = max(columns, runewidth.StringWidth(sgr().ReplaceAllString(line, "")))
	}
	width, height := float64(columns)*charWidth+2*padding, len(lines)*lineHeight+2*padding
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" role="img" aria-label="%s">`+"\n", width, height, html.EscapeString(title))
	fmt.Fprintf(&b, "<title>%s</title>\n", html.EscapeString(title))
	b.WriteString(`<rect width="100%" height="100%" rx="8" fill="#16181d"/>` + "\n")
	b.WriteString(`<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="14" fill="#d7dae0" xml:space="preserve">` + "\n")
	for i, line := range lines {
		fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text>`+"\n", padding, padding+(i+1)*lineHeight-5, spans(line))
	}
	b.WriteString("</g>\n</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func sgr() *regexp.Regexp { return regexp.MustCompile("\x1b\\[([0-9;]*)m") }

// spans turns a line's colour codes into tspans.
func spans(line string) string {
	var b strings.Builder
	style, rest := "", line
	for {
		at := sgr().FindStringSubmatchIndex(rest)
		text := rest
		if at != nil {
			text = rest[:at[0]]
		}
		if text != "" && style != "" {
			fmt.Fprintf(&b, "<tspan %s>%s</tspan>", style, html.EscapeString(text))
		} else {
			b.WriteString(html.EscapeString(text))
		}
		if at == nil {
			return b.String()
		}
		style, rest = styleOf(rest[at[2]:at[3]]), rest[at[1]:]
	}
}

func styleOf(code string) string {
	switch code {
	case "1":
		return `font-weight="bold"`
	case "2":
		return `fill="#8a919e"`
	case "31":
		return `fill="#ff7b72"`
	case "32":
		return `fill="#7ee787"`
	case "33":
		return `fill="#f2cc60"`
	}
	return ""
}
