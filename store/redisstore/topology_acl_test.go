package redisstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/trunkline/trunkline/store"
	"github.com/trunkline/trunkline/store/storetest"
	"github.com/trunkline/trunkline/store/storetest/redisproc"
)

const deployed = "../../deploy/redis/"

// users is a copy of a deployed file in which everybody has a password, as its manual says, and a user who may all.
func users(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(deployed + name)
	must(t, err)
	hash := fmt.Sprintf(" on #%x ", sha256.Sum256([]byte("pw")))
	file := filepath.Join(t.TempDir(), "users.acl")
	must(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(text), " on ", hash)+"user admin on nopass ~* +@all\n"), 0o600))
	return file
}

// arguments are those of a server with the deployed configuration.
func arguments(t *testing.T, file string) []string {
	t.Helper()
	conf, err := filepath.Abs(deployed + "redis.conf")
	must(t, err)
	return []string{"--include", conf, "--aclfile", users(t, file)}
}

func startDeployed(t *testing.T, file string) *redisproc.Server {
	t.Helper()
	return redisproc.Start(t, arguments(t, file)...)
}

func as(url, user string) string { return strings.Replace(url, "://", "://"+user+":pw@", 1) }

// supervised is a store of one user, with another's eyes for what only the test wants to know.
type supervised struct {
	*Store
	admin *Store
}

func (s supervised) KeyNames(ctx context.Context) ([]string, error) {
	return scattered{s.admin}.KeyNames(ctx)
}

// TestContractAsTheDeployedUser runs the suite as the user of the deployed file, with the deployed configuration and over
// TLS, where the server wants a certificate too. The file for Redis 6 gives the user the same rights.
func TestContractAsTheDeployedUser(t *testing.T) {
	t.Parallel()
	if six, seven := rights(t, "users-6.acl", "trunkline"), rights(t, "users-7.acl", "trunkline"); six == "" || six != seven {
		t.Errorf("the files differ:\n%s\n%s", six, seven)
	}
	authority := redisproc.NewAuthority(t)
	us := authority.Issue("trunkline")
	server := redisproc.StartTLS(t, authority.Issue("server", "127.0.0.1"), arguments(t, "users-7.acl")...)
	files := Files{CA: authority.File, Certificate: us.CertFile, Key: us.KeyFile}
	admin := open(t, files.with(t, as(server.URL(), "admin")))
	storetest.Run(t, func(t *testing.T) store.Store {
		empty(t, admin)
		return supervised{open(t, files.with(t, as(server.URL(), "trunkline"))), admin}
	})
}

// rights is the line of a user.
func rights(t *testing.T, file, user string) string {
	t.Helper()
	for line := range strings.Lines(read(t, file)) {
		if strings.HasPrefix(line, "user "+user+" ") {
			return line
		}
	}
	return ""
}

// TestDeployedUsersInACluster have what a Cluster needs beyond the rest.
func TestDeployedUsersInACluster(t *testing.T) {
	t.Parallel()
	// The nodes are put together by their default user, who is off in the file.
	cluster := redisproc.StartCluster(t, 3, false)
	for _, m := range cluster.Masters {
		for line := range strings.Lines(read(t, "users-7.acl")) {
			if fields := strings.Fields(line); fields[1] != "default" {
				m.Do(append([]string{"ACL", "SETUSER", fields[1], ">pw"}, fields[2:]...)...)
			}
		}
	}
	s := open(t, Options{URL: as(cluster.URL(), "trunkline"), Cluster: cluster.Addrs()})
	k := startTalk(writer(t, s, spooled(t)), 3)
	k.say(10)
	from := cluster.Owner("tl:{c0}:ev")
	to := cluster.Masters[0]
	if to == from {
		to = cluster.Masters[1]
	}
	cluster.Move(from.Do("CLUSTER", "KEYSLOT", "tl:{c0}:ev"), from, to, func() { k.say(10) })
	k.end(t, s)
	reader := open(t, Options{URL: as(cluster.URL(), "reader"), Cluster: cluster.Addrs()})
	wantLines(t, reader, "c0", k.said)
	must(t, reader.Ping(ctx))
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(deployed + name)
	must(t, err)
	return string(text)
}

func TestDeployedReader(t *testing.T) {
	for _, file := range []string{"users-6.acl", "users-7.acl"} {
		t.Run(file, func(t *testing.T) {
			server := startDeployed(t, file)
			s := open(t, Options{URL: as(server.URL(), "trunkline")})
			must(t, s.Begin(ctx, call("c1")))
			must(t, s.Append(ctx, "c1", line(1)))

			reader := open(t, Options{URL: as(server.URL(), "reader")})
			must(t, reader.Ping(ctx))
			if h, err := reader.Health(ctx); err != nil || !h.AppendOnly || !h.Limited || h.Policy != "noeviction" {
				t.Errorf("the deployed configuration: %+v, %v", h, err)
			}
			for name, q := range map[string]store.Query{"all": {}, "agent": {Agent: "frontdesk"}, "caller": {Caller: "+15551230001"}, "live": {Live: true}} {
				if page, err := reader.List(ctx, q); err != nil || len(page.Calls) != 1 {
					t.Errorf("list by %s: %+v, %v", name, page, err)
				}
			}
			if lines, err := reader.Follow(ctx, "c1", ""); err != nil || len(lines) != 1 {
				t.Errorf("follow: %v, %v", lines, err)
			}
			_, swept := reader.Sweep(ctx, noon.AddDate(1, 0, 0))
			for what, err := range map[string]error{
				"begin":  reader.Begin(ctx, call("c2")),
				"append": reader.Append(ctx, "c1", line(2)),
				"finish": reader.Finish(ctx, store.Call{ID: "c1"}),
				"renew":  reader.Renew(ctx, "c1", store.DefaultLease),
				"delete": reader.Delete(ctx, "c1"),
				"sweep":  swept,
			} {
				if !errors.Is(err, store.ErrDenied) {
					t.Errorf("%s as a reader: %v", what, err)
				}
			}
			if lines, err := s.Entries(ctx, "c1", "", 0); err != nil || len(lines) != 1 {
				t.Errorf("afterwards: %v, %v", lines, err)
			}
		})
	}
}

// TestMasterWithoutReplicas has the deployed setting: one that has lost sight of its replicas takes nothing that only it
// would have. The writer keeps it.
func TestMasterWithoutReplicas(t *testing.T) {
	t.Parallel()
	conf, err := filepath.Abs(deployed + "replicated.conf")
	must(t, err)
	master := redisproc.Start(t, "--include", conf, "--repl-diskless-sync-delay", "0")
	replica := redisproc.StartReplica(t, master)
	s := open(t, Options{URL: master.URL()})
	w := writer(t, s, spooled(t))
	k := startTalk(w, 3)
	k.say(10)
	until(t, "the lines are written", func() bool { return w.Stats().Backlog == 0 })
	replica.Pause()
	until(t, "the master refuses lines", func() bool { k.say(1); return w.Stats().Away })
	replica.Resume()
	until(t, "the master takes lines", func() bool { return !w.Stats().Away && w.Stats().Backlog == 0 })
	k.end(t, s)
}

// TestDeployedUsersStayUnderTheirPrefix: other keys, and what runs the server, are none of their business.
func TestDeployedUsersStayUnderTheirPrefix(t *testing.T) {
	server := startDeployed(t, "users-7.acl")
	for _, user := range []string{"trunkline", "reader"} {
		c := open(t, Options{URL: as(server.URL(), user)}).client
		for _, args := range [][]any{{"GET", "other"}, {"SET", "other", "x"}, {"KEYS", "*"}, {"FLUSHALL"}, {"CONFIG", "GET", "*"}, {"ACL", "LIST"},
			{"EVAL", "return 1", "0"}, {"SHUTDOWN"}, {"MONITOR"}, {"PUBLISH", "c", "x"}} {
			if err := c.Do(ctx, args...).Err(); !redis.HasErrorPrefix(err, "NOPERM") {
				t.Errorf("%s may %v: %v", user, args, err)
			}
		}
	}
	if err := open(t, Options{URL: server.URL()}).Ping(ctx); !errors.Is(err, store.ErrDenied) {
		t.Errorf("without a user: %v", err)
	}
	if err := open(t, Options{URL: strings.Replace(server.URL(), "://", "://trunkline:@", 1)}).Ping(ctx); !errors.Is(err, store.ErrDenied) {
		t.Errorf("without a password: %v", err)
	}
}

// TestDeployedUsersHaveNoPasswordYet: whoever forgets to make one shuts everybody out, and lets nobody in.
func TestDeployedUsersHaveNoPasswordYet(t *testing.T) {
	for _, file := range []string{"users-6.acl", "users-7.acl"} {
		text := read(t, file)
		if strings.ContainsAny(text, "#>") || strings.Contains(text, "nopass") {
			t.Errorf("%s has a password", file)
		}
		if file == "users-6.acl" && strings.ContainsAny(text, "%()") {
			t.Errorf("%s uses what only Redis 7 knows", file)
		}
	}
}
