"""Answers of the EC2 and STS APIs, written from their documentation."""

_NAMESPACE = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'

ZONES = f"""<DescribeAvailabilityZonesResponse {_NAMESPACE}>
<availabilityZoneInfo><item><zoneName>eu-west-1a</zoneName><zoneId>euw1-az3</zoneId></item>
</availabilityZoneInfo></DescribeAvailabilityZonesResponse>"""

_FIRST = """<item><ownerId>123</ownerId><instancesSet><item>
<instanceId>i-1</instanceId><imageId>ami-1</imageId>
<instanceState><code>16</code><name>running</name></instanceState>
<privateDnsName>ip-10-0-0-1.internal</privateDnsName><dnsName>ec2-1.example</dnsName>
<instanceType>m5.large</instanceType>
<placement><availabilityZone>eu-west-1a</availabilityZone></placement>
<platform>windows</platform><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>
<privateIpAddress>10.0.0.1</privateIpAddress><ipAddress>203.0.113.1</ipAddress>
<architecture>x86_64</architecture><instanceLifecycle>spot</instanceLifecycle>
<tagSet><item><key>Name</key><value>web</value></item>
<item><key>team:x</key><value/></item></tagSet>
<networkInterfaceSet>
<item><subnetId>subnet-1</subnetId><attachment><deviceIndex>0</deviceIndex></attachment>
<ipv6AddressesSet><item><ipv6Address>2001:db8::1</ipv6Address>
<isPrimaryIpv6>false</isPrimaryIpv6></item></ipv6AddressesSet></item>
<item><subnetId>subnet-2</subnetId><attachment><deviceIndex>2</deviceIndex></attachment>
<ipv6AddressesSet><item><ipv6Address>2001:db8::2</ipv6Address>
<isPrimaryIpv6>true</isPrimaryIpv6></item></ipv6AddressesSet></item>
<item><subnetId>subnet-1</subnetId></item>
</networkInterfaceSet></item></instancesSet></item>"""

_SECOND = """<item><ownerId>123</ownerId><instancesSet><item>
<instanceId>i-2</instanceId><imageId>ami-1</imageId>
<instanceState><name>stopped</name></instanceState>
<instanceType>t3.nano</instanceType>
<placement><availabilityZone>eu-west-1b</availabilityZone></placement>
<privateIpAddress>10.0.0.2</privateIpAddress>
<subnetId>subnet-9</subnetId><vpcId>vpc-1</vpcId>
</item><item><instanceId>i-3</instanceId><imageId>a</imageId><instanceType>t</instanceType>
<instanceState><name>terminated</name></instanceState></item></instancesSet></item>"""


def _page(reservations: str, token: str = "") -> str:
    more = f"<nextToken>{token}</nextToken>" if token else ""
    return (
        f"<DescribeInstancesResponse {_NAMESPACE}><reservationSet>{reservations}"
        f"</reservationSet>{more}</DescribeInstancesResponse>"
    )


PAGES = {"": _page(_FIRST, "more"), "more": _page(_SECOND)}

ROLE = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>
</Credentials></AssumeRoleResult></AssumeRoleResponse>"""


def answer(form: dict[str, str]) -> str:
    """Return the answer to a form."""
    match form.get("Action"):
        case "DescribeAvailabilityZones":
            return ZONES
        case "DescribeInstances":
            return PAGES[form.get("NextToken", "")]
    return ROLE
