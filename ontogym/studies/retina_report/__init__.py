"""The report on the actor-model framework (Leong et al. 2024): experiments, pictures, one page."""
