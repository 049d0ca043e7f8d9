"""Lines of programs that no normalizer is for: applications, frameworks, devices of no known vendor. Written for the tests."""

_TEXT = """\
2026-03-01 10:00:00,123 INFO [main] com.example.shop.Checkout - order 4711 placed by user 99 for 12.30 EUR
2026-03-01T10:00:00.123Z WARN 1 --- [nio-8080-exec-3] o.e.web.Filter : slow request took 1234 ms
Exception in thread "main" java.lang.IllegalStateException: no such bean: shop
\tat com.example.shop.Main.run(Main.java:42)
Traceback (most recent call last):
INFO:     192.0.2.1:4000 - "GET /health HTTP/1.1" 200 OK
[2026-03-01 10:00:00 +0000] [77] [INFO] Booting worker with pid: 77
10:00:00.123 [warn] GenServer #PID<0.77.0> terminating
I0301 10:00:00.123456   77 server.go:42] Serving on :8443
E0301 10:00:00.123456   77 reflector.go:153] failed to list: connection refused
time="2026-03-01T10:00:00Z" level=info msg="starting" component=scheduler
ts=2026-03-01T10:00:00Z caller=main.go:42 level=warn msg="slow tick" took=3s
level=error ts=1772359200.123 logger=controller msg="reconcile failed" name=web err="timeout"
temperature=21.5 humidity=40 sensor=kitchen battery=ok
Mar  1 10:00:00 thermostat7 heatd[12]: valve 3 opened to 40%
<13>Mar  1 10:00:00 printer9 spooler: job 12 finished, 3 pages
<30>Mar  1 10:00:00 nas1 smartd[88]: Device: /dev/sda, 1 Currently unreadable sectors
<46>Mar  1 10:00:00 buildhost rsyslogd: action resumed
<14>1 2026-03-01T10:00:00Z app01 billing 77 - - invoice 9 sent
<165>1 2026-03-01T10:00:00.003Z machine1 su-like 8710 - - %% It's time to make the do-nuts.
Mar  1 10:00:00 host1 kernel: [12345.678901] EXT4-fs (sda1): mounted filesystem with ordered data mode
Mar  1 10:00:00 host1 systemd[1]: Started Daily apt download activities.
Mar  1 10:00:00 host1 dbus-daemon[55]: [system] Successfully activated service 'org.example.Service'
Mar  1 10:00:00 host1 chronyd[66]: Selected source 192.0.2.123
Mar  1 10:00:00 host1 dockerd[77]: time="2026-03-01T10:00:00Z" level=info msg="ignoring event" container=abc
1772359200 cell=7 rsrp=-101 sinr=3 imsi=001010000000001
$GPGGA,100000,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47
MSH|^~\\&|LAB|HOSP|EHR|HOSP|20260301100000||ORU^R01|77|P|2.3
"2026-03-01","10:00:00","badge 77","door 3","open"
id;name;count
user=alice action=export rows=10 table=orders result=ok
GET /index.html 200 0.003
192.0.2.1 up 34 days
-- MARK --
Hello, world
<html><body>404</body></html>
<event><name>login</name><user>alice</user></event>
PLC7 TAG=TANK1_LEVEL VALUE=44.1 QUALITY=GOOD
AT+CSQ: 18,99
CEF:0|Example Corp|Toaster|1.0|100|Toast is ready|1|msg=crisp
<134>Mar  1 10:00:00 gw7 CEF:0|Example Corp|Gateway|2.1|12|Door opened|3|src=192.0.2.1 suser=alice
LEEF:1.0|Example Corp|Kettle|1.0|boil|sev=1\tusrName=alice
LEEF:2.0|Example Corp|Kettle|1.0|boil|^|sev=1^usrName=alice
job 12 of queue nightly finished with status 0 after 123 s
[ERROR] 2026/03/01 10:00:00 worker.rs:88 cannot reach broker
2026/03/01 10:00:00 [notice] shop: cart 12 emptied
2026/03/01 10:00:00 main.go:12: listening on :8080
D, [2026-03-01T10:00:00.123456 #77] DEBUG -- : query took 3.1ms
app[web.1]: at=info method=GET path="/" host=shop.example.com status=200 bytes=12
fatal: could not read from remote repository
query: select 1; duration: 0.3 ms
client connected: id=77
user alice logged in
access denied for bob
connection from 192.0.2.1 port 4000 accepted
rule 7 matched: allow tcp 192.0.2.1 -> 198.51.100.1
"""

_JSON = (
    '{"level":"info","ts":1772359200.123,"msg":"started","port":8080}',
    '{"time":"2026-03-01T10:00:00Z","severity":"WARN","message":"slow","service":"shop"}',
    '{"@timestamp":"2026-03-01T10:00:00Z","message":"order placed","order":{"id":1,"total":2.5}}',
    '{"asctime":"2026-03-01 10:00:00","levelname":"ERROR","name":"shop.db","message":"timeout"}',
    '{"sensor":"t1","value":21.5,"unit":"C","timestamp":1772359200}',
    '{"user":"alice","action":"export","result":"ok","ip":"192.0.2.1"}',
    '{"event":"page_view","properties":{"path":"/","user_id":7},"timestamp":"2026-03-01T10:00:00Z"}',
    '{"id":7,"type":"order","createdAt":"2026-03-01T10:00:00Z","data":{"items":[{"sku":"a","count":2}]}}',
    '{"severity":"INFO","logger":"main","thread":"main","stack":null}',
    '{"log":"hello\\n","stream":"stdout","time":"2026-03-01T10:00:00.000000000Z"}',
    '{"name":"login","success":true,"userId":"u1","clientIp":"192.0.2.1"}',
    '{"action":"deny","src":"192.0.2.1","dst":"198.51.100.1","port":22}',
    '{"timestamp":"2026-03-01T10:00:00Z","status":200,"method":"GET","path":"/","duration_ms":3}',
    '{"metric":"cpu","host":"h1","value":0.5,"tags":["a"]}',
    '{"requestId":"r1","userAgent":"curl/8","country":"DE"}',
    '[{"a":1},{"a":2}]',
    '{"records":[{"a":1}]}',
    '{"source":"shop","detail":{"order":1},"detail-type":"OrderPlaced"}',
    '{"type":"alert","title":"disk full","host":{"name":"h1"}}',
    '{"eventType":"deploy","actor":{"name":"alice"},"target":"web","outcome":"success"}',
)

LINES: tuple[str, ...] = (*(line for line in _TEXT.splitlines() if line), *_JSON)
