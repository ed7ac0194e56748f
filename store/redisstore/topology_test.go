package redisstore

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestTopologiesThatCannotBe(t *testing.T) {
	watched := &Sentinel{Master: "mymaster", Addresses: []string{"h:26379"}}
	for want, o := range map[string]Options{
		"keep one of the two":    {URL: "redis://h:1", Cluster: []string{"h:2"}, Sentinel: watched},
		"name of the master":     {URL: "redis://h:1", Sentinel: &Sentinel{Addresses: []string{"h:2"}}},
		"addresses of the sent":  {URL: "redis://h:1", Sentinel: &Sentinel{Master: "mymaster"}},
		"a cluster has only 0":   {URL: "redis://h:1/3", Cluster: []string{"h:2"}},
		"must begin with redis:": {URL: "h:1", Cluster: []string{"h:2"}},
	} {
		if _, err := Open(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want …%s…", o, err, want)
		}
	}
}

func TestSentinelsNeverPrintThePassword(t *testing.T) {
	s := Sentinel{Master: "mymaster", Addresses: []string{"h:1"}, Username: "u", Password: "s3cr3t"}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s, "p", &s)
	printed := fmt.Sprintf("%v %+v %#v %s %v %#v", s, s, s, &s, Options{URL: "redis://h:1", Sentinel: &s}, &s) + log.String()
	if strings.Contains(printed, "s3cr3t") || !strings.Contains(printed, "mymaster") {
		t.Errorf("%s", printed)
	}
}
