// Renders a chart as Helm does: Go's text/template with sprig, the functions Helm adds to it that our
// chart uses, and the objects it gives to templates. Debian has these libraries, and not Helm.
//
//	render CHART [VALUES.yaml]...
//
// Prints one YAML stream; a template that fails is an error. NOTES.txt is rendered and not printed.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v3"
)

type object = map[string]interface{}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func readYaml(path string) object {
	text, err := os.ReadFile(path)
	exitOn(err)
	read := object{}
	exitOn(yaml.Unmarshal(text, &read))
	return read
}

// Values of a later file win; objects are merged.
func merge(into, from object) {
	for name, value := range from {
		inner, isObject := value.(object)
		old, wasObject := into[name].(object)
		if isObject && wasObject {
			merge(old, inner)
		} else {
			into[name] = value
		}
	}
}

// `Chart.yaml` as templates see it: its fields begin with a capital.
func chartObject(path string) object {
	chart := object{}
	for name, value := range readYaml(path) {
		chart[strings.ToUpper(name[:1])+name[1:]] = value
	}
	return chart
}

func newTemplates() *template.Template {
	templates := template.New("chart").Option("missingkey=zero")
	functions := sprig.TxtFuncMap()
	functions["include"] = func(name string, data interface{}) (string, error) {
		var text bytes.Buffer
		err := templates.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	functions["toYaml"] = func(value interface{}) (string, error) {
		text, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(text), "\n"), err
	}
	functions["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, errors.New(message)
		}
		return value, nil
	}
	return templates.Funcs(functions)
}

func main() {
	chart := os.Args[1]
	values := readYaml(filepath.Join(chart, "values.yaml"))
	for _, path := range os.Args[2:] {
		merge(values, readYaml(path))
	}
	files, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	exitOn(err)
	folder := filepath.Base(chart) + "/templates"
	templates := newTemplates()
	for _, file := range files {
		text, err := os.ReadFile(file)
		exitOn(err)
		_, err = templates.New(folder + "/" + filepath.Base(file)).Parse(string(text))
		exitOn(err)
	}
	data := object{
		"Values":   values,
		"Chart":    chartObject(filepath.Join(chart, "Chart.yaml")),
		"Release":  object{"Name": "prod", "Namespace": "auth", "Service": "Helm", "IsInstall": true},
		"Template": object{"BasePath": folder},
	}
	for _, file := range files {
		name := filepath.Base(file)
		if strings.HasPrefix(name, "_") {
			continue
		}
		var text bytes.Buffer
		exitOn(templates.ExecuteTemplate(&text, folder+"/"+name, data))
		if name != "NOTES.txt" {
			fmt.Printf("---\n# %s\n%s\n", name, text.String())
		}
	}
}
