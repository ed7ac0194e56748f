// Package configs reads Trunkline's configuration: one YAML file, laid over by environment variables and flags, checked
// as a whole before anything listens.
//
//	trunkline.yaml ─► nodes ─► strict decode ─► environment, flags ─► secret and prompt files ─► cross checks ─► Config
//	                   │            │                  │                        │                     │
//	                   └────────────┴── every fault: file:line:column, path, a sentence with the remedy ──► Faults
//
// Strict means that nothing is guessed and nothing is ignored: unknown keys, wrong types, keys given twice, names that
// lead nowhere and settings that contradict each other are refused, all of them at once rather than one a run.
// configs/trunkline.yaml is the reference: it holds every key with its meaning, unit and default, and a test keeps it so.
//
// What wins: flag, then environment, then file, then default. [Config.Settings] tells for each setting which it was.
//
//   - ${NAME} and ${NAME:-default} are replaced after the YAML is parsed, in values only, so that no value of the
//     environment can change the structure of the file. $${ stands for a plain ${.
//   - Every scalar has an environment variable: its path in capitals with _ between, list elements by their name:
//     TRUNKLINE_SIP_ADVERTISE, TRUNKLINE_REALTIME_MAIN_API_KEY. Lists of plain values take commas. An empty variable
//     counts as not set.
//   - Secrets are of the types [Secret] and [URL], which print as *** in every way Go has of printing. A secret may be
//     written as file:NAME and is then read from that file.
//
// YAML and viper are imported nowhere else. viper finds the file and layers environment and flags; the file itself never
// passes through it, because viper lower-cases keys and splits them at dots.
package configs
