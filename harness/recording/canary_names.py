"""How Livefire's own canaries are called in the raw files: who emits them and who looks for them agree here."""

TOKEN_PREFIX = "livefire-canary-"  # of each token
REPOSITORY = "livefire/canary"  # of the image that is tagged with a token
CONFIGMAPS = "/api/v1/namespaces/default/configmaps/"  # one that a token names is asked for; there is none
