"""Collecting photos from Flickr, each with its provenance and licence: ``wingcheck collect``.

    from ml.collection.request import request_from
    from ml.collection.run import collect

    request = request_from({"keywords": ["bruin zandoogje=Maniola jurtina"], "maximum": 50})
    summary = collect(request, Path("DATA/pair"))

docs/collecting.md explains the commands, what Flickr asks in return, and the licences.
"""
