package api

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/heroku"
)

// maxPage is how many items of a list are sent at once: Heroku's maximum. Heroku sends 200 to those who do not say;
// we send all, since Terraform never asks for the rest.
const maxPage = 1000

// A column is a field that a list can be cut by. Its values are unique in a list, so that a list can be taken up
// behind any of them.
type column[T any] struct {
	name   string
	value  func(T) string
	number bool // values are compared as numbers
}

// A lister gives the part of a list that a Range asks for.
type lister func(heroku.Range) (page, error)

// A page is a part of a list.
type page struct {
	items  any
	fields []string // that the list can be cut by
	span   string   // what the part covers: "version 3..5"; "" when the list was asked for as it is
	next   string   // the Range of what follows; "" at the end
}

func (p page) describe(h http.Header) {
	h.Set("Accept-Ranges", strings.Join(p.fields, ", "))
	if p.span != "" {
		h.Set("Content-Range", p.span)
	}
	if p.next != "" {
		h.Set("Next-Range", p.next)
	}
}

// list replies with items in their own order, or with the part, in the order, that the caller's Range asks for. The
// first column is the one that counts when a Range names none.
func list[T any](items []T, columns ...column[T]) reply {
	return reply{status: http.StatusOK, list: func(r heroku.Range) (page, error) {
		p := page{items: heroku.List[T](items)}
		for _, c := range columns {
			p.fields = append(p.fields, c.name)
		}
		if r == (heroku.Range{}) && len(items) <= maxPage {
			return p, nil
		}
		i := slices.Index(p.fields, r.Field)
		if r.Field == "" {
			i = 0
		}
		if i < 0 {
			return p, cloister.Errorf(cloister.BadRequest, "This list has no range by %s. Use one of %s.", r.Field, strings.Join(p.fields, ", "))
		}
		if err := cut(&p, items, columns[i], r); err != nil {
			return p, err
		}
		return p, nil
	}}
}

// cut puts the part of items that r asks for into p.
func cut[T any](p *page, items []T, by column[T], r heroku.Range) error {
	for _, bound := range []string{r.First, r.Last} {
		if _, err := strconv.Atoi(bound); by.number && bound != "" && err != nil {
			return cloister.Errorf(cloister.BadRequest, "Range %s is not one of numbers.", by.name)
		}
	}
	compare := func(a, b string) int { // in the order of the list
		n := strings.Compare(a, b)
		if by.number {
			x, _ := strconv.Atoi(a)
			y, _ := strconv.Atoi(b)
			n = cmp.Compare(x, y)
		}
		if r.Desc {
			n = -n
		}
		return n
	}
	if r.First != "" && r.Last != "" && compare(r.First, r.Last) > 0 { // "3..5" of a list that descends
		r.First, r.Last, r.After, r.Before = r.Last, r.First, r.Before, r.After
	}
	part := slices.DeleteFunc(slices.Clone(items), func(t T) bool {
		v := by.value(t)
		first, last := compare(v, r.First), compare(v, r.Last)
		return r.First != "" && (first < 0 || first == 0 && r.After) || r.Last != "" && (last > 0 || last == 0 && r.Before)
	})
	slices.SortFunc(part, func(a, b T) int { return compare(by.value(a), by.value(b)) })
	most := maxPage
	if r.Max > 0 {
		most = min(r.Max, maxPage)
	}
	params := "; max=" + strconv.Itoa(most)
	if r.Desc {
		params += ", order=desc"
	}
	if len(part) > most {
		part = part[:most]
		last := ""
		if r.Last != "" {
			last = r.Last
			if r.Before {
				last += "["
			}
		}
		p.next = fmt.Sprintf("%s ]%s..%s%s", by.name, by.value(part[most-1]), last, params)
	}
	if len(part) > 0 {
		p.span = fmt.Sprintf("%s %s..%s%s", by.name, by.value(part[0]), by.value(part[len(part)-1]), params)
	}
	p.items = heroku.List[T](part)
	return nil
}

func malformed(err error) error { return cloister.Errorf(cloister.BadRequest, "%s", describe(err)) }

// byID and byName are the columns that most lists have.
func byID[T any](f func(T) string) column[T]   { return column[T]{name: "id", value: f} }
func byName[T any](f func(T) string) column[T] { return column[T]{name: "name", value: f} }

// each shows all items of a list.
func each[S, T any](items []S, view func(S) T) []T {
	out := make([]T, 0, len(items))
	for _, s := range items {
		out = append(out, view(s))
	}
	return out
}
