"""What the patient of a retinal implant sees (axon map model, Beyeler et al. 2019).

- `ontogym.retina_env.percept.implants`: where the electrodes of implants are.
- `ontogym.retina_env.percept.axon_map`: axons, and how far along them current is seen.
- `ontogym.retina_env.percept.patients`: patients, who differ; brightness of the field for electrode values.
"""
