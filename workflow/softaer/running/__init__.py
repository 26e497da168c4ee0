"""What happens around the jobs of a run: its configuration, its lock, its look at inputs."""
