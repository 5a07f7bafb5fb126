/** The FIX edge: containers on Fargate behind a network load balancer. */
import { join } from 'node:path';
import { CfnOutput, Duration, Fn, RemovalPolicy, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import { Schedule } from 'aws-cdk-lib/aws-applicationautoscaling';
import { Stats } from 'aws-cdk-lib/aws-cloudwatch';
import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import {
  Cluster,
  ContainerImage,
  ContainerInsights,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  type ICluster,
  LogDriver,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs';
import {
  NetworkListenerAction,
  NetworkLoadBalancer,
  NetworkTargetGroup,
  Protocol,
  SslPolicy,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { DnsRecordType, PrivateDnsNamespace } from 'aws-cdk-lib/aws-servicediscovery';
import type { Construct } from 'constructs';
import { type Context, edgesName } from './context.ts';
import { edgeMetric } from './metrics.ts';
import type { StorageStack } from './storage-stack.ts';

export interface EdgeStackProps extends StackProps {
  readonly context: Context;
  readonly storage: StorageStack;
}

export const CONTAINER_PORT = 9878;
const HEALTH_PORT = 9464;
/** Fargate gives at most this between SIGTERM and SIGKILL; a drain ends well before. */
const STOP_TIMEOUT = Duration.seconds(60);
const DNS_TTL = Duration.seconds(10);
const ROOT = join(import.meta.dirname, '..');

export class EdgeStack extends Stack {
  readonly service: FargateService;
  readonly vpc: IVpc;
  /** Whoever is in it may connect to the edges themselves. */
  readonly canaryGroup: SecurityGroup;
  readonly balancer: NetworkLoadBalancer;
  readonly targets: NetworkTargetGroup;
  readonly logGroup: LogGroup;
  /** Resolves, inside the VPC, to every edge that runs. */
  readonly edgesName: string;
  readonly #zones: number;

  constructor(scope: Construct, id: string, { context, storage, ...props }: EdgeStackProps) {
    super(scope, id, props);
    this.#zones = context.zones;
    this.logGroup = new LogGroup(this, 'EdgeLogs', {
      retention: context.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.vpc = this.#vpc(context);
    const { vpc } = this;
    const task = this.#task(context, storage);
    const balancerGroup = new SecurityGroup(this, 'BalancerGroup', {
      vpc,
      description: 'fixgate: FIX clients to the balancer',
      allowAllOutbound: false,
    });
    const edgeGroup = new SecurityGroup(this, 'EdgeGroup', { vpc, description: 'fixgate: the balancer to the edges' });
    this.canaryGroup = new SecurityGroup(this, 'CanaryGroup', { vpc, description: 'fixgate: the canary to the edges' });
    edgeGroup.addIngressRule(this.canaryGroup, Port.tcp(CONTAINER_PORT), 'canary');
    for (const range of context.allowedCidrs ?? [])
      balancerGroup.addIngressRule(
        range.includes(':') ? Peer.ipv6(range) : Peer.ipv4(range),
        Port.tcp(context.fixPort),
        'FIX clients',
      );
    for (const port of [CONTAINER_PORT, HEALTH_PORT]) {
      balancerGroup.addEgressRule(edgeGroup, Port.tcp(port), 'FIX and health checks');
      edgeGroup.addIngressRule(balancerGroup, Port.tcp(port), 'FIX and health checks');
    }
    const namespace = new PrivateDnsNamespace(this, 'Names', { name: `${edgesName(context)}.internal`, vpc });
    this.edgesName = `edges.${namespace.namespaceName}`;
    // The library is not written for exactOptionalPropertyTypes: its own classes want a cast to its own interfaces.
    const cluster = new Cluster(this, 'Cluster', { vpc, containerInsightsV2: ContainerInsights.ENABLED }) as ICluster;
    this.service = new FargateService(this, 'Service', {
      cluster,
      taskDefinition: task,
      desiredCount: context.desiredCount,
      securityGroups: [edgeGroup],
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      assignPublicIp: false,
      circuitBreaker: { rollback: true },
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      healthCheckGracePeriod: Duration.seconds(30),
      enableExecuteCommand: false,
      cloudMapOptions: { name: 'edges', cloudMapNamespace: namespace, dnsRecordType: DnsRecordType.A, dnsTtl: DNS_TTL },
    });
    this.#scale(context);
    ({ balancer: this.balancer, targets: this.targets } = this.#balancer(context, vpc, balancerGroup));
  }

  /** The zones of a template that does not know its region are found where it is deployed. */
  override get availabilityZones(): string[] {
    return Array.from({ length: this.#zones }, (_, i) => Fn.select(i, Fn.getAzs()));
  }

  /**
   * By CPU and by sessions, upwards. Downwards at the quiet hour alone: an edge that is stopped ends its sessions, and
   * protecting tasks from that would keep deployments from replacing them.
   */
  #scale(context: Context): void {
    const { desiredCount: minCapacity, maxCount: maxCapacity, quietHourUtc } = context;
    const scaling = this.service.autoScaleTaskCount({ minCapacity, maxCapacity });
    scaling.scaleOnCpuUtilization('Cpu', { targetUtilizationPercent: 50, disableScaleIn: true });
    scaling.scaleToTrackCustomMetric('Sessions', {
      metric: edgeMetric(context, 'Sessions', Stats.AVERAGE),
      targetValue: context.sessionsPerEdge,
      disableScaleIn: true,
    });
    if (quietHourUtc === undefined) return;
    const at = (minute: number) => Schedule.cron({ minute: String(minute), hour: String(quietHourUtc) });
    scaling.scaleOnSchedule('Quiet', { schedule: at(0), minCapacity, maxCapacity: minCapacity });
    scaling.scaleOnSchedule('Open', { schedule: at(30), minCapacity, maxCapacity });
  }

  /** No way out to the internet: everything the edge needs is reached by endpoints. */
  #vpc(context: Context): IVpc {
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr(context.vpcCidr),
      maxAzs: context.zones,
      natGateways: 0,
      subnetConfiguration: [
        { name: 'public', subnetType: SubnetType.PUBLIC, cidrMask: 24, mapPublicIpOnLaunch: false },
        { name: 'edge', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 22 },
      ],
    }) as IVpc;
    vpc.addGatewayEndpoint('DynamoDb', { service: GatewayVpcEndpointAwsService.DYNAMODB });
    vpc.addGatewayEndpoint('S3', { service: GatewayVpcEndpointAwsService.S3 });
    const group = new SecurityGroup(this, 'EndpointGroup', {
      vpc,
      description: 'fixgate: edges to AWS endpoints',
      allowAllOutbound: false,
    });
    group.addIngressRule(Peer.ipv4(context.vpcCidr), Port.tcp(443), 'edges');
    for (const [name, service] of Object.entries(ENDPOINTS))
      vpc.addInterfaceEndpoint(name, { service, open: false, securityGroups: [group] });
    const flowLogs = new LogGroup(this, 'FlowLogs', {
      retention: context.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    vpc.addFlowLog('Rejected', {
      destination: FlowLogDestination.toCloudWatchLogs(flowLogs),
      trafficType: FlowLogTrafficType.REJECT,
    });
    return vpc;
  }

  #task(context: Context, storage: StorageStack): FargateTaskDefinition {
    const task = new FargateTaskDefinition(this, 'Task', {
      cpu: 1024,
      memoryLimitMiB: 2048,
      runtimePlatform: { cpuArchitecture: CpuArchitecture.ARM64, operatingSystemFamily: OperatingSystemFamily.LINUX },
    });
    task.addVolume({ name: 'data' });
    const container = task.addContainer('edge', {
      image:
        context.edgeImage === undefined
          ? ContainerImage.fromAsset(ROOT, { platform: Platform.LINUX_ARM64 })
          : ContainerImage.fromRegistry(context.edgeImage),
      portMappings: [{ containerPort: CONTAINER_PORT }, { containerPort: HEALTH_PORT }],
      readonlyRootFilesystem: true,
      user: '1000:1000',
      stopTimeout: STOP_TIMEOUT,
      logging: LogDriver.awsLogs({
        streamPrefix: 'edge',
        logGroup: this.logGroup,
      }),
      environment: this.#environment(context, storage),
    });
    container.addMountPoints({ sourceVolume: 'data', containerPath: '/data', readOnly: false });
    storage.grant(task.taskRole, 'edge');
    if (context.journal === 'store') storage.grant(task.taskRole, 'edgeJournal');
    storage.grantEnvelope(task.taskRole);
    storage.grantSecrets(task.taskRole, 'kms:Decrypt');
    if (context.fixTlsSecretArn !== undefined)
      task.addToTaskRolePolicy(
        new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [context.fixTlsSecretArn] }),
      );
    Validations.of(task).acknowledge(
      {
        id: 'AwsSolutions-IAM5[Resource::*]',
        reason: 'ecr:GetAuthorizationToken takes no resource.',
      },
      {
        id: 'AwsSolutions-ECS2',
        reason: 'The environment holds names and settings; secrets are read from KMS and Secrets Manager at run time.',
      },
    );
    return task;
  }

  #environment(context: Context, storage: StorageStack): Record<string, string> {
    const proxied = context.proxyProtocol === 'on';
    return {
      ...storage.variables(),
      FIXGATE_DEPLOYMENT: edgesName(context),
      FIXGATE_FIX_HOST: '0.0.0.0',
      FIXGATE_FIX_PORT: String(CONTAINER_PORT),
      FIXGATE_METRICS_HOST: '0.0.0.0',
      FIXGATE_METRICS_PORT: String(HEALTH_PORT),
      FIXGATE_DATA_DIR: '/data',
      FIXGATE_JOURNAL: context.journal,
      FIXGATE_COMMIT: context.commit,
      FIXGATE_EDGE_ROWS: context.edgeRows,
      // While a deployment replaces tasks there are twice as many.
      ...(context.journal === 'store'
        ? { FIXGATE_EDGE_POOL: `${context.color ?? 'edge'}:${2 * context.maxCount}` }
        : {}),
      FIXGATE_VENUE: 'simulator',
      FIXGATE_REFUSED_LOGON: context.refusedLogon,
      // Without the header the balancer's address is all that the edge sees.
      FIXGATE_CLIENT_ADDRESSES: proxied ? 'real' : 'shared',
      FIXGATE_PROXY_PROTOCOL: context.proxyProtocol,
      // The balancer's own addresses come and go within the VPC; the security group lets in nobody else from there.
      ...(proxied ? { FIXGATE_PROXY_SOURCES: context.vpcCidr } : {}),
      ...(context.fixTlsSecretArn === undefined ? {} : { FIXGATE_TLS_SECRET_ARN: context.fixTlsSecretArn }),
    };
  }

  #balancer(context: Context, vpc: IVpc, securityGroup: SecurityGroup) {
    const balancer = new NetworkLoadBalancer(this, 'Balancer', {
      vpc,
      internetFacing: true,
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      securityGroups: [securityGroup],
      crossZoneEnabled: true,
      deletionProtection: context.stage === 'production',
    });
    const targets = new NetworkTargetGroup(this, 'Edges', {
      vpc,
      port: CONTAINER_PORT,
      protocol: Protocol.TCP,
      targets: [this.service.loadBalancerTarget({ containerName: 'edge', containerPort: CONTAINER_PORT })],
      deregistrationDelay: Duration.seconds(10),
      proxyProtocolV2: context.proxyProtocol === 'on',
      // The connection's own address stays the balancer's: by it edges know who may send the header.
      preserveClientIp: false,
      healthCheck: {
        protocol: Protocol.HTTP,
        port: String(HEALTH_PORT),
        path: '/ready',
        interval: Duration.seconds(5),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 2,
      },
    });
    balancer.addListener('Fix', {
      port: context.fixPort,
      ...(context.certificateArn === undefined
        ? { protocol: Protocol.TCP }
        : {
            protocol: Protocol.TLS,
            certificates: [{ certificateArn: context.certificateArn }],
            sslPolicy: SslPolicy.RECOMMENDED_TLS,
          }),
      defaultAction: NetworkListenerAction.forward([targets]),
    });
    new CfnOutput(this, 'FixAddress', {
      value: `${balancer.loadBalancerDnsName}:${context.fixPort}`,
      description: 'where FIX clients connect',
    });
    new CfnOutput(this, 'EdgeTask', {
      value: this.service.taskDefinition.taskDefinitionArn,
      description: 'of the edges',
    });
    Validations.of(balancer).acknowledge({
      id: 'AwsSolutions-ELB2',
      reason:
        'Access logs of a network load balancer exist for TLS listeners only and have nothing that the audit trail has not: the edge records every logon.',
    });
    return { balancer, targets };
  }
}

const ENDPOINTS = {
  Ecr: InterfaceVpcEndpointAwsService.ECR,
  EcrDocker: InterfaceVpcEndpointAwsService.ECR_DOCKER,
  Logs: InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
  Kms: InterfaceVpcEndpointAwsService.KMS,
  SecretsManager: InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
} as const;
