"""The station: streams, a page to look at them, and a service to call, in one process. See docs/station.md.

`edgeenh.station.station.Station` owns the parts; `edgeenh.station.api.make_app` is what they look like over HTTP.
"""
