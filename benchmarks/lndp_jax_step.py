"""The LNDP's step in JAX, written to be fast: the peer of `lndp_peer.py`. Needs JAX and NumPy, not ontogym.

    python benchmarks/lndp_jax_step.py GIVEN.npz ANSWER.npz SECONDS

One individual as in docs/kernel.md, equation numbers beside lines, mapped over the population and scanned over steps.
Layers whose input is what two nodes bring are done once a node, matrices are (j, i) so that sums over sources j run down the
columns, and features are unrolled so that XLA fuses what lies between two products. GIVEN holds genes by their names in the genome, the
body, observation and reward, each with the population in front; ANSWER is the body after one step. Prints agent-steps a processor second.
"""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

F, S, K, HEADS, QUERY, VALUE, HIDDEN = 8, 4, 4, 3, 4, 8, 16
STEPS = 25
sigmoid = jax.nn.sigmoid


def split(flat, *shapes):
    """Flat parameters as arrays of these shapes."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(jnp.split(flat, ends), shapes)]


def attend(g, x, edges, mask):
    """(2) and (3): nodes (N, F) to (N, F)."""
    q, k, v = ((x @ g[name].T).T.reshape(-1, HEADS, len(x)) for name in ("query", "key", "value"))
    q, heads = q / np.sqrt(QUERY), []
    for h in range(HEADS):
        scores = sum(q[c, h][:, None] * k[c, h][None] for c in range(QUERY))
        e = g["edge.weight"][h]
        pair = g["edge.bias"][h] + sum(e[c] * edges[c] for c in range(S))
        pair += e[S] * mask + e[S + 1] * mask.T + e[S + 2] * jnp.eye(len(x))
        heads.append(v[:, h] @ jax.nn.softmax(scores * pair, axis=0))
    y = jnp.stack(heads, 1).reshape(-1, len(x))
    return (g["output.weight"] @ y).T + g["output.bias"]


def node_gru(g, x, h):
    """(4)"""
    a, b = x @ g["gru.ih"].T + g["gru.bias"], h @ g["gru.hh"].T
    r, z = sigmoid(a[:, :F] + b[:, :F]), sigmoid(a[:, F : 2 * F] + b[:, F : 2 * F])
    n = jnp.tanh(a[:, 2 * F :] + r * (b[:, 2 * F :] + g["gru.bias_n"]))
    return n + z * (h - n)


def edge_gru(g, h, history, reward, edges, mask):
    """(5)"""
    w, u, b, b_n = split(g["synaptic"], (3 * S, 2 * F + 2 * K + 1), (3 * S, S), (3 * S,), (S,))
    at_post = w[:, :F] @ h.T + w[:, 2 * F : 2 * F + K] @ history.T
    at_pre = w[:, F : 2 * F] @ h.T + w[:, 2 * F + K : -1] @ history.T + (b + w[:, -1] * reward)[:, None]

    def heard(row):
        return at_post[row][None] + at_pre[row][:, None]

    def kept(row):
        return sum(u[row, c] * edges[c] for c in range(S))

    new = []
    for c in range(S):
        r, z = sigmoid(heard(c) + kept(c)), sigmoid(heard(S + c) + kept(S + c))
        n = jnp.tanh(heard(2 * S + c) + r * (kept(2 * S + c) + b_n[c]))
        new.append((n + z * (edges[c] - n)) * mask)
    return jnp.stack(new)


def rewire(g, h, edges, mask, allowed, limit):
    """(6), (7), (8)"""
    w1, b1, w2, b2 = split(g["pruning"], (HIDDEN, S), (HIDDEN,), (HIDDEN,), ())
    cut = b2 + sum(
        w2[m] * jax.nn.relu(b1[m] + sum(w1[m, c] * edges[c] for c in range(S))) for m in range(HIDDEN)
    )
    w1, b1, w2, b2 = split(g["synaptogenesis"], (HIDDEN, 2 * F), (HIDDEN,), (HIDDEN,), ())
    post, pre = w1[:, :F] @ h.T, w1[:, F:] @ h.T + b1[:, None]
    grow = b2 + sum(w2[m] * jax.nn.relu(post[m][None] + pre[m][:, None]) for m in range(HIDDEN))
    return jnp.where(mask > 0, jnp.where(cut > limit, 0.0, 1.0), jnp.where(grow > limit, allowed, 0.0))


def step(g, body, observation, reward, allowed, types, limit):
    """One step of one individual; `body` is nodes (N, F), edges (S, N, N), mask (N, N), history (N, K), matrices (j, i)."""
    h, edges, mask, history = body
    d_in, d_out = mask.sum(0) / 10, mask.sum(1) / 10
    seen = jnp.concatenate([jnp.stack([d_in, d_out, (d_in + d_out) / 2], 1), types, history, h], 1)
    x = attend(g, seen @ g["perception.weight"].T + g["perception.bias"], edges, mask)  # (1)
    h = node_gru(g, x, h)
    edges = edge_gru(g, h, history, reward, edges, mask)
    mask = rewire(g, h, edges, mask, allowed, limit)
    a, remembered = jnp.zeros(len(h)), []
    for _ in range(K - 1):  # (9)
        a = jnp.concatenate([observation, a[len(observation) :]])
        remembered.append(a)
        a = jnp.tanh(a @ edges[0])
    return h, edges, mask, jnp.stack([*remembered, a], 1)


def main(given, answer, seconds):
    kept = np.load(given)
    genes = {k[5:]: jnp.asarray(v, jnp.float32) for k, v in kept.items() if k.startswith("gene.")}
    nodes, edges, mask, history = (
        np.asarray(kept[k], np.float32) for k in ("nodes", "edges", "mask", "history")
    )
    body = tuple(map(jnp.asarray, (nodes, edges.swapaxes(2, 3), mask.swapaxes(1, 2), history)))
    observation, reward = (jnp.asarray(kept[k], jnp.float32) for k in ("observation", "reward"))
    allowed, types = jnp.asarray(kept["allowed"].T, jnp.float32), jnp.asarray(kept["types"], jnp.float32)
    limit = float(kept["limit"])

    def everyone(body, observation, reward):
        return jax.vmap(lambda *own: step(*own, allowed, types, limit))(genes, body, observation, reward)

    @jax.jit
    def many(body):
        return jax.lax.scan(lambda b, _: (everyone(b, observation, reward), None), body, None, STEPS)[0]

    h, e, m, a = jax.jit(everyone)(body, observation, reward)
    np.savez(answer, nodes=h, edges=np.swapaxes(e, 2, 3), mask=np.swapaxes(m, 1, 2), history=a)
    body = jax.block_until_ready(many(body))
    count, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        body = jax.block_until_ready(many(body))
        count += STEPS
    print(len(nodes) * count / (time.process_time() - start))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
