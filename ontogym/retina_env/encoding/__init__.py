"""What a prosthesis with few electrodes shows a retina, as environments (after Leong et al. 2024).

- `ontogym.retina_env.encoding.layout`: where the electrodes are and what each pixel shows.
- `ontogym.retina_env.encoding.filter_bank`: the twelve maps that actions weight.
- `ontogym.retina_env.encoding.responders`: who answers: a twin, a simulated retina, a model from elsewhere.
- `ontogym.retina_env.encoding.many_retinas`: many simulated retinas at once, compiled.
- `ontogym.retina_env.encoding.scenes`: images with all that does not depend on actions.
- `ontogym.retina_env.encoding.task`: from electrodes to skill; also differentiable.
- `ontogym.retina_env.encoding.still`, `refinement`, `calibration`: the environments.
- `ontogym.retina_env.encoding.scoring`: skill and reliability of any encoder, on any retina.
"""
