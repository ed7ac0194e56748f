package trunkline

import (
	"github.com/trunkline/trunkline/configs"
	"github.com/trunkline/trunkline/store/redisstore"
)

// redisOptions is where Redis is and how to get in.
func redisOptions(r *configs.Redis) (redisstore.Options, error) {
	files := redisstore.Files{CA: string(r.CA), Certificate: string(r.Certificate), Key: string(r.Key), ServerName: r.ServerName}
	secured, err := files.TLS()
	o := redisstore.Options{URL: r.URL.Reveal(), Cluster: r.Cluster, Prefix: r.Prefix, TLS: secured}
	if s := r.Sentinel; s != nil {
		o.Sentinel = &redisstore.Sentinel{Master: s.Master, Addresses: s.Addresses, Username: s.Username, Password: s.Password.Reveal()}
	}
	return o, err
}
