"""An account on another server and a local book become equal: `pull` one way, `push` the other."""
