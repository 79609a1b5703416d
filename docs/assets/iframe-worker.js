// A page that is opened as a file may start no worker, and without one the search stays away. An unseen frame does the work then.
// (The name is the one that the theme looks for before it would fetch another's from the network.)
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.waiting = []
      const frame = document.createElement("iframe")
      frame.hidden = true
      frame.srcdoc = "<!doctype html><title>search</title>"
      frame.addEventListener("load", () => {
        const inside = frame.contentWindow
        inside.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
        const script = frame.contentDocument.createElement("script")
        script.src = url
        script.onload = () => {
          this.inside = inside
          this.waiting.forEach(data => this.postMessage(data))
        }
        frame.contentDocument.body.append(script)
      }, { once: true })
      document.documentElement.append(frame)
    }
    postMessage(data) {
      if (this.inside) this.inside.dispatchEvent(new this.inside.MessageEvent("message", { data }))
      else this.waiting.push(data)
    }
    terminate() {}
  }
}
