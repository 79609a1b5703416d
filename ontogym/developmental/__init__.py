"""What changes networks: plasticity rules and spontaneous activity. Knows no environment and no agent."""
