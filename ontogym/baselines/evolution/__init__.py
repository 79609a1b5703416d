"""Evolution of genomes: strategies, where lives are evaluated, and the run."""
