package wxmocktest

import (
	"fmt"
	"net/url"
	"time"
)

// HoldOptions says which calls are held, and where; the zero value is every call of jscode2session, when it has happened and its
// answer waits.
type HoldOptions struct {
	// Endpoint is a name as in docs/endpoints.md; "" is jscode2session.
	Endpoint string
	// Point is "arrived" (nothing has happened yet), "committed" (it has happened, the answer waits) or "answered".
	Point string
	// User limits it to calls about one user.
	User string
	// Times limits it to the next so many calls; 0 holds all.
	Times int
}

// Hold is calls that are held. A call held for 30 s goes on by itself.
type Hold struct {
	mock  *Mock
	gate  int64
	label string
}

// Hold holds calls of the backend from now on.
func (m *Mock) Hold(options HoldOptions) *Hold {
	m.t.Helper()
	m.holds++
	hold := &Hold{mock: m, label: fmt.Sprintf("hold-%d", m.holds)}
	if options.Endpoint == "" {
		options.Endpoint = "jscode2session"
	}
	if options.Point == "" {
		options.Point = "committed"
	}
	matching := map[string]any{"endpoint": options.Endpoint, "appid": m.AppID}
	if options.User != "" {
		matching["user"] = options.User
	}
	body := map[string]any{"label": hold.label, "point": options.Point, "match": matching}
	if options.Times != 0 {
		body["times"] = options.Times
	}
	var gate struct{ ID int64 }
	m.Request("POST", "/_mock/v1/gates", body, &gate)
	hold.gate = gate.ID
	return hold
}

// ReleaseAll ends every hold and lets every held call go; how many there were.
func (m *Mock) ReleaseAll() int {
	m.t.Helper()
	var answer struct{ Released int }
	m.Request("POST", "/_mock/v1/gates/open", nil, &answer)
	return answer.Released
}

// Wait waits until so many calls are held and gives them; it fails the test if they do not come within that time.
func (h *Hold) Wait(count int, within time.Duration) []Parked {
	h.mock.t.Helper()
	query := url.Values{"label": {h.label}, "count": {fmt.Sprint(count)}, "wait": {fmt.Sprintf("%dms", within.Milliseconds())}}
	var answer struct{ Parked []Parked }
	h.mock.Request("GET", "/_mock/v1/parked?"+query.Encode(), nil, &answer)
	if len(answer.Parked) < count {
		h.mock.t.Fatalf("%d calls held instead of %d after %s; the backend called:\n%s", len(answer.Parked), count, within, h.mock.told())
	}
	return answer.Parked
}

// Release lets the first so many go; how many there were. Later calls are still held.
func (h *Hold) Release(first int) int {
	h.mock.t.Helper()
	var answer struct{ Released int }
	h.mock.Request("POST", "/_mock/v1/gates/release", map[string]any{"label": h.label, "first": first}, &answer)
	return answer.Released
}

// End holds nothing more, and lets go what is held. Ending twice is once, also after a reset or ReleaseAll.
func (h *Hold) End() {
	h.mock.t.Helper()
	var answer struct{ Gates []struct{ ID int64 } }
	h.mock.Request("GET", "/_mock/v1/gates", nil, &answer)
	for _, gate := range answer.Gates {
		if gate.ID == h.gate {
			h.mock.Request("DELETE", fmt.Sprintf("/_mock/v1/gates/%d", h.gate), nil, nil)
		}
	}
	h.mock.Request("POST", "/_mock/v1/gates/release", map[string]any{"label": h.label}, nil)
}
