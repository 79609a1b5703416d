"""Evolution of genomes: strategies, where lives are evaluated, the run, presets and agent files."""
