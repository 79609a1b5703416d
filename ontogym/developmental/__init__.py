"""What shapes networks before or while they act: plasticity rules, spontaneous activity and the simulator of retinal waves
behind it, frozen feature extractors. Knows no environment and no agent."""
