package cli

import (
	"fmt"
	"strings"

	"github.com/cloister-dev/cloister/internal/heroku"
)

// price is what something costs, for people: an hour, of which a month has 720, or a month.
func price(p heroku.Price, hourly bool) string {
	switch {
	case p.Contract:
		return "contract"
	case p.Metered:
		return "metered"
	case p.Cents == 0:
		return "free"
	case hourly:
		return fmt.Sprintf("~$%.3f/hour", float64(p.Cents)/100/720)
	case p.Cents%100 == 0:
		return fmt.Sprintf("$%d/%s", p.Cents/100, p.Unit)
	}
	return fmt.Sprintf("$%.2f/%s", float64(p.Cents)/100, p.Unit)
}

// prices are both in one: "~$0.007/hour (max $5/month)", or "free".
func prices(p heroku.Price) string {
	hourly, most := price(p, true), price(p, false)
	if hourly == most {
		return hourly
	}
	return hourly + " (max " + most + ")"
}

// billed is what an add-on costs those who have it: its plan may have become dearer since.
func billed(a heroku.Addon) heroku.Price {
	p := a.Plan.Price
	p.Cents, p.Contract = a.BilledPrice.Cents, a.BilledPrice.Contract
	return p
}

// planName is the name of a plan without that of its service.
func planName(p heroku.Plan) string {
	_, name, ok := strings.Cut(p.Name, ":")
	if !ok {
		return p.Name
	}
	return name
}

// addonState is the state of an add-on in the words that people know.
func addonState(state string) string {
	switch state {
	case "provisioning":
		return "creating"
	case "provisioned":
		return "created"
	case "deprovisioning":
		return "destroying"
	case "deprovisioned":
		return "errored"
	}
	return state
}
