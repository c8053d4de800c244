package output

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/util/jsonpath"
)

// Formats whose columns the user chooses. This prints what kubectl's own printer
// does, which cannot be had without the whole of `kubectl get`.
const (
	customColumns     = "custom-columns"
	customColumnsFile = "custom-columns-file"
)

// column is one that the user chose.
type column struct {
	header string
	path   *jsonpath.JSONPath
}

// columnsPrinter prints a row for each item of a list, or one for an object.
type columnsPrinter struct {
	columns   []column
	noHeaders bool
}

// newColumnsPrinter makes the printer of a format; ok is false for other formats.
func newColumnsPrinter(format string, noHeaders bool) (printer printers.ResourcePrinter, ok bool, err error) {
	name, value, _ := strings.Cut(format, "=")
	if name != customColumns && name != customColumnsFile {
		return nil, false, nil
	}
	if value == "" {
		return nil, true, fmt.Errorf("%s names no columns", name)
	}
	var columns []column
	if name == customColumnsFile {
		// The file has its header line, so kubectl prints it come what may.
		noHeaders = false
		columns, err = columnsFromFile(value)
	} else {
		columns, err = columnsFromText(value)
	}
	return &columnsPrinter{columns, noHeaders}, true, err
}

// columnsFromText reads HEADER:PATH,HEADER:PATH.
func columnsFromText(text string) ([]column, error) {
	var columns []column
	for part := range strings.SplitSeq(text, ",") {
		header, path, ok := strings.Cut(part, ":")
		if !ok {
			return nil, fmt.Errorf("%q is no column: want <header>:<json-path-expr>", part)
		}
		c, err := newColumn(header, path)
		if err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	return columns, nil
}

// columnsFromFile reads a line of headers and a line of paths.
func columnsFromFile(name string) ([]column, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	var words [2][]string
	for i := range words {
		if !lines.Scan() {
			return nil, errors.Join(fmt.Errorf("%s: want a line of headers and a line of paths", name), lines.Err())
		}
		words[i] = strings.Fields(lines.Text())
	}
	headers, paths := words[0], words[1]
	if len(headers) != len(paths) {
		return nil, fmt.Errorf("%s: %d headers and %d paths", name, len(headers), len(paths))
	}
	var columns []column
	for i := range headers {
		c, err := newColumn(headers[i], paths[i])
		if err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	return columns, nil
}

// newColumn takes a path as kubectl does: with or without braces, and with or
// without the dot that it begins with.
func newColumn(header, path string) (column, error) {
	bare := path
	if strings.HasPrefix(path, "{") && strings.HasSuffix(path, "}") {
		bare = path[1 : len(path)-1]
	}
	if bare != "." {
		bare = strings.TrimPrefix(bare, ".")
	}
	// kubectl lets a column have no path, and prints nothing but commas in it.
	if path != "" {
		if bare == "" || strings.ContainsAny(bare, "{}") {
			return column{}, fmt.Errorf("%q is no path: want name1.name2, .name1.name2 or {.name1.name2}", path)
		}
		path = "{." + bare + "}"
	}
	parsed := jsonpath.New(header).AllowMissingKeys(true)
	return column{header, parsed}, parsed.Parse(path)
}

// PrintObj prints an object, or the items of a list.
func (p *columnsPrinter) PrintObj(object runtime.Object, w io.Writer) error {
	out := printers.GetNewTabWriter(w)
	if !p.noHeaders {
		headers := make([]string, len(p.columns))
		for i, c := range p.columns {
			headers[i] = c.header
		}
		fmt.Fprintln(out, strings.Join(headers, "\t"))
	}
	objects := []runtime.Object{object}
	if meta.IsListType(object) {
		var err error
		if objects, err = meta.ExtractList(object); err != nil {
			return err
		}
	}
	for _, o := range objects {
		if err := p.printRow(out, o); err != nil {
			return errors.Join(err, out.Flush())
		}
	}
	return out.Flush()
}

func (p *columnsPrinter) printRow(w io.Writer, object runtime.Object) error {
	content, ok := object.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("columns of a %T", object)
	}
	cells := make([]string, len(p.columns))
	for i, c := range p.columns {
		results, err := c.path.FindResults(content.Object)
		if err != nil {
			return err
		}
		var values []string
		for _, found := range results {
			for _, value := range found {
				values = append(values, printers.EscapeTerminal(fmt.Sprint(value.Interface())))
			}
		}
		if len(results) == 0 || len(results[0]) == 0 {
			values = append([]string{"<none>"}, values...)
		}
		cells[i] = strings.Join(values, ",")
	}
	_, err := fmt.Fprintln(w, strings.Join(cells, "\t"))
	return err
}
