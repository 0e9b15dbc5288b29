package term

type colour string

const (
	bold   colour = "1"
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	cyan   colour = "36"
	gray   colour = "90"
)

func paint(on bool, c colour, s string) string {
	if !on || s == "" {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}

// Bold, Green, Yellow, Red, Cyan and Gray colour text that goes to the standard output, if that takes colour.
func (t *Terminal) Bold(s string) string   { return paint(t.outColour, bold, s) }
func (t *Terminal) Green(s string) string  { return paint(t.outColour, green, s) }
func (t *Terminal) Yellow(s string) string { return paint(t.outColour, yellow, s) }
func (t *Terminal) Red(s string) string    { return paint(t.outColour, red, s) }
func (t *Terminal) Cyan(s string) string   { return paint(t.outColour, cyan, s) }
func (t *Terminal) Gray(s string) string   { return paint(t.outColour, gray, s) }

// State colours a word that says how something is: well, on its way, or not well.
func (t *Terminal) State(s string) string {
	switch s {
	case "up", "allocated", "succeeded", "on", "enabled", "ok":
		return t.Green(s)
	case "crashed", "failed", "deleting", "down":
		return t.Red(s)
	}
	return t.Yellow(s)
}
