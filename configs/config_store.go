package configs

// Store says where transcripts are kept, and for how long.
type Store struct {
	// Retention is how long a call is kept after its end; 0 for ever. Agents may have their own. Default 30 days.
	Retention Duration `yaml:"retention" default:"30d" min:"0s" max:"36500d"`
	// Redis, when given, keeps them there; else they are in the embedded file at Path.
	Redis *Redis `yaml:"redis"`
	// Path is the embedded database. Default ./trunkline.db, seen from the working directory.
	Path string `yaml:"path" default:"./trunkline.db" required:"write the file of the embedded database"`
	// Spool is a file that holds what Redis could not take while it is away. Default ./trunkline.spool; not used without
	// Redis.
	Spool string `yaml:"spool" default:"./trunkline.spool"`
}

// Redis is one Redis server, one that Sentinels watch, or a Cluster.
type Redis struct {
	// URL is redis://, rediss:// (TLS) or unix://, with user, password and database number as usual. With Sentinel it is that
	// of the data, its host and port do not matter; of a Cluster it is one node.
	URL URL `yaml:"url" required:"write redis://HOST:6379/0"`
	// Cluster are further nodes to begin with; any of them makes it a Cluster. Default: none, one server.
	Cluster []string `yaml:"cluster"`
	// Sentinel finds the server. Default: none.
	Sentinel *Sentinel `yaml:"sentinel"`
	// Prefix begins every key. Two installations on one server need two. Default tl.
	Prefix string `yaml:"prefix" default:"tl"`
	// CA is a PEM file with the authorities that sign the server's certificate; rediss only. Default: those of the system.
	CA File `yaml:"ca"`
	// Certificate is a PEM file that we show; rediss only. Default: none.
	Certificate File `yaml:"certificate"`
	// Key is its private key.
	Key File `yaml:"key"`
	// ServerName that the server's certificate has to have; rediss only. Default: the host that we connect to; in a Cluster and with
	// Sentinels each server's own address.
	ServerName string `yaml:"server_name"`
}

// Sentinel says who knows where the server is.
type Sentinel struct {
	// Master is the name that the Sentinels know it by.
	Master string `yaml:"master" required:"write the name of the master as the Sentinels have it, such as mymaster"`
	// Addresses of the Sentinels, HOST:PORT.
	Addresses []string `yaml:"addresses" required:"write where the Sentinels are, such as [sentinel-1:26379, sentinel-2:26379]"`
	// Username at the Sentinels. Default: none.
	Username string `yaml:"username"`
	// Password at the Sentinels. Default: none.
	Password Secret `yaml:"password"`
}

// Recording says that calls of an agent are recorded.
type Recording struct {
	// Notice is a clip that the caller hears to its end before anything is recorded.
	Notice Clip `yaml:"notice"`
	// Told says that the caller is told of the recording by other means, such as the greeting. Default false.
	Told bool `yaml:"told" default:"false"`
}

// Recordings says where recordings are kept. They go with their call.
type Recordings struct {
	// Directory on this machine. Default ./recordings, seen from the working directory.
	Directory string `yaml:"directory" default:"./recordings"`
	// S3 keeps them in a bucket instead. Default: none.
	S3 *S3 `yaml:"s3"`
	// Recipients encrypt them: public keys of age, age1… Default: none, they are not encrypted.
	Recipients []string `yaml:"recipients"`
	// Identity decrypts them again for those who listen: AGE-SECRET-KEY-1… Default: none, nobody can listen to encrypted
	// ones here.
	Identity Secret `yaml:"identity"`
}

// S3 is a bucket of a service that speaks like S3.
type S3 struct {
	// Endpoint is https://HOST or http://HOST:PORT.
	Endpoint URL `yaml:"endpoint" required:"write the address of the service, such as https://s3.eu-central-1.amazonaws.com"`
	// Bucket is its name.
	Bucket string `yaml:"bucket" required:"name the bucket"`
	// Region where the bucket is. Default: found by asking.
	Region string `yaml:"region"`
	// Prefix begins the names of the objects. Default recordings/.
	Prefix string `yaml:"prefix" default:"recordings/"`
	// AccessKey and SecretKey sign in.
	AccessKey Secret `yaml:"access_key" required:"write the access key"`
	// SecretKey of AccessKey.
	SecretKey Secret `yaml:"secret_key" required:"write the secret key"`
}
