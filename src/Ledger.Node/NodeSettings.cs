using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using Ledger.Grpc.Edge;
using Ledger.Node.Auditing;
using Ledger.Node.Edge;
using Ledger.Node.Security;

namespace Ledger.Node;

/// <summary>All settings of a node, bound and checked.</summary>
internal sealed class NodeSettings
{
    private const string Root = "Ledger";
    private const string ConnectionStringName = "Ledger";

    // What a reader of the log looks for first, and what follows from other settings.
    private static readonly string[] s_alwaysShown =
    [
        Root + ":Storage", Root + ":Mode", Root + ":Grpc:Url", Root + ":Http:Url", Root + ":Grpc:EnableReflection",
        Root + ":Grpc:EnableJson", Root + ":Security:PolicyPath",
    ];

    private readonly SettingSection[] sections;

    private NodeSettings(IConfigurationRoot configuration)
    {
        Configuration = configuration;
        sections =
        [
            new SettingSection(Root, Ledger),
            new SettingSection(Root + ":Clock", Ledger.Clock),
            new SettingSection(Root + ":Index", Ledger.Index),
            new SettingSection(Root + ":Grpc", GrpcEndpoint),
            new SettingSection(Root + ":Grpc", Grpc),
            new SettingSection(Root + ":Http", HttpEndpoint),
            new SettingSection(Root + ":Edge", Edge),
            new SettingSection(Root + ":Sqlite", Sqlite),
            new SettingSection(Root + ":PostgreSql", PostgreSql),
            new SettingSection(Root + ":PostgreSql", PostgreSqlStorage),
            new SettingSection(Root + ":Cluster", Cluster),
            new SettingSection(Root + ":Cluster", ClusterTimes),
            new SettingSection(Root + ":Cluster:Tls", ClusterTlsOptions),
            new SettingSection(Root + ":Shutdown", Shutdown),
            new SettingSection(Root + ":Telemetry", Telemetry),
            new SettingSection(Root + ":Security", Security),
            new SettingSection(Root + ":Security:Jwt", Jwt),
            new SettingSection(Root + ":Security:AutoBlock", AutoBlock),
            new SettingSection(Root + ":Tls", EndpointTls),
            new SettingSection(Root + ":Audit", Audit),
        ];
    }

    public IConfigurationRoot Configuration { get; }

    public LedgerOptions Ledger { get; } = new();

    public LedgerGrpcOptions Grpc { get; } = new();

    public GrpcEndpointOptions GrpcEndpoint { get; } = new();

    public HttpEndpointOptions HttpEndpoint { get; } = new();

    public EdgeOptions Edge { get; } = new();

    public SqliteOptions Sqlite { get; } = new();

    public PostgreSqlOptions PostgreSql { get; } = new();

    public PostgreSqlStorageOptions PostgreSqlStorage { get; } = new();

    public ClusterOptions Cluster { get; } = new();

    public LedgerClusterOptions ClusterTimes { get; } = new();

    public ClusterTlsOptions ClusterTlsOptions { get; } = new();

    /// <summary>The certificates that nodes show each other; null where they speak plaintext, or there is no
    /// cluster.</summary>
    public ClusterTls? Tls { get; private set; }

    public bool IsClustered => Ledger.Mode == LedgerExecutionMode.Clustered;

    /// <summary>Whether this node serves calls.</summary>
    public bool IsFront => !IsClustered || Cluster.Has(NodeRoles.Front);

    public bool IsDevelopment =>
        (Configuration["environment"] ?? Configuration["ASPNETCORE_ENVIRONMENT"] ?? Configuration["DOTNET_ENVIRONMENT"])
            ?.Equals("Development", StringComparison.OrdinalIgnoreCase) == true;

    public ShutdownOptions Shutdown { get; } = new();

    public TelemetryOptions Telemetry { get; } = new();

    public SecurityOptions Security { get; } = new();

    public JwtOptions Jwt { get; } = new();

    public EndpointTlsOptions EndpointTls { get; } = new();

    public AuditOptions Audit { get; } = new();

    public AutoBlockOptions AutoBlock { get; } = new();

    /// <summary>Who may call.</summary>
    public NodeSecurity Access { get; private set; } = null!;

    /// <summary>Binds and checks.</summary>
    /// <exception cref="SettingsException">A setting is unknown or out of range.</exception>
    /// <exception cref="ValidationException">The ledger's options do not go together.</exception>
    /// <exception cref="InvalidOperationException">A setting has a value of another type.</exception>
    public static NodeSettings Read(IConfigurationRoot configuration)
    {
        var settings = new NodeSettings(configuration);
        RefuseUnknown(configuration.GetSection(Root), settings.sections);
        RefuseDays(configuration, settings.sections);
        RefuseOtherTypes(configuration, settings.sections);
        foreach (var section in settings.sections)
        {
            configuration.GetSection(section.Prefix).Bind(section.Target);
        }

        settings.Telemetry.Complete(configuration);
        settings.PostgreSql.ConnectionString ??= configuration.GetConnectionString(ConnectionStringName);
        settings.PostgreSql.Complete();
        foreach (var section in settings.sections.Where(section => section.Target != settings.Ledger))
        {
            Validate(section);
        }

        settings.ChooseStorage(settings.Ledger);
        Validate(settings.sections[0]);

        try
        {
            settings.Ledger.Validate();
        }
        catch (ValidationException e)
        {
            throw new SettingsException($"{Root}: {e.Message}");
        }

        settings.CompleteCluster();

        // What other machines need not have is for this machine alone, unless it is asked for.
        var asked = configuration.GetSection(Root + ":Grpc");
        settings.Access = NodeSecurity.Decide(
            settings, asked.GetValue<bool?>(nameof(settings.Grpc.EnableJson)), TimeProvider.System);
        settings.Grpc.EnableJson = settings.Access.ServesJson;
        settings.Grpc.EnableReflection = asked.GetValue(
            nameof(settings.Grpc.EnableReflection), !settings.Access.IsGrpcPublic);
        return settings;
    }

    /// <summary>Sets the options of the facade.</summary>
    public void Apply(LedgerGrpcOptions options)
    {
        Configuration.GetSection(Root + ":Grpc").Bind(options);
        options.EnableReflection = Grpc.EnableReflection;
        options.EnableJson = Grpc.EnableJson;
    }

    /// <summary>Every setting that there is, with the type of its value.</summary>
    public static IReadOnlyDictionary<string, Type> Known() =>
        new NodeSettings(new ConfigurationBuilder().Build()).sections
        .SelectMany(static section => section.Types()).Where(static pair => pair.Value != typeof(LedgerClockOptions))
        .ToDictionary(static pair => pair.Key, static pair => pair.Value, StringComparer.Ordinal);

    /// <summary>Where the ledger is, and every setting that was given, with the value in effect; secrets are
    /// masked.</summary>
    public string Describe()
    {
        var all = sections.SelectMany(static section => section.Values()).ToArray();
        var given = Array.FindAll(
            all, pair => s_alwaysShown.Contains(pair.Key) || Configuration.GetSection(pair.Key).Exists());
        return Lines(
            $"Settings in effect ({all.Length - given.Length} that were not given are left out; Ledger.Node "
                + $"{SettingsCommand.Name} prints them):",
            given);
    }

    /// <summary>Every setting with the value in effect; secrets are masked.</summary>
    public string DescribeAll() =>
        Lines("Settings in effect:", sections.SelectMany(static section => section.Values()));

    private static string Lines(string title, IEnumerable<KeyValuePair<string, string>> settings) => string.Join(
        Environment.NewLine, settings.Select(static pair => $"  {pair.Key} = {pair.Value}").Prepend(title));

    private void CompleteCluster()
    {
        var http = ListenAddress.Parse(Root + ":Http:Url", HttpEndpoint.Url);
        var grpc = ListenAddress.Parse(Root + ":Grpc:Url", GrpcEndpoint.Url);
        HostList.Check(Root + ":Http:AllowedHosts", HttpEndpoint.AllowedHosts);
        Cluster.Complete(ClusterTimes, HttpEndpoint.Url);
        ListenAddress.RefuseSame(
            (Root + ":Http:Url", http.Host, http.Port),
            (Root + ":Grpc:Url", grpc.Host, IsFront ? grpc.Port : 0),
            (Root + ":Cluster:Port", Cluster.HostName, IsClustered ? Cluster.Port : 0));
        try
        {
            ClusterTimes.Validate();
        }
        catch (ValidationException e)
        {
            throw new SettingsException($"{Root}:Cluster: {e.Message}");
        }

        // What is printed is what is in effect, and not what was left to the profile.
        var index = Array.FindIndex(sections, section => section.Target == ClusterTimes);
        sections[index] = sections[index] with { Target = ClusterTimes.WithProfile() };
        if (!IsClustered)
        {
            return;
        }

        if (Ledger.Role is { } role && !string.Equals(role, NodeRoles.Ledger, StringComparison.Ordinal))
        {
            throw new SettingsException(
                $"{Root}:Role is '{role}'; accounts live on the nodes with the role '{NodeRoles.Ledger}'.");
        }

        Ledger.Role = NodeRoles.Ledger;
        Tls = ClusterTls.Load(
            ClusterTlsOptions, IsDevelopment, TimeProvider.System, Cluster.PublicHostName ?? Cluster.HostName);
        if (Tls is null && !ClusterTlsOptions.AllowPlaintext && !ListenAddress.IsLoopback(Cluster.HostName))
        {
            throw new SettingsException(
                $"{Root}:Cluster:HostName is {Cluster.HostName}, where others may reach it, and nodes would speak "
                + $"plaintext: whoever reaches the port can do whatever a node can. Set "
                + $"{Root}:Cluster:Tls:CertificatePath, KeyPath and AuthorityPath (eng/dev-certs.sh makes some), or "
                + $"{Root}:Cluster:Tls:AllowPlaintext=true where nobody else does.");
        }
    }

    private void ChooseStorage(LedgerOptions options)
    {
        try
        {
            _ = PostgreSql.ConnectionString is { Length: > 0 } connectionString
                ? options.UsePostgreSql(
                    connectionString, storage => Configuration.GetSection(Root + ":PostgreSql").Bind(storage))
                : options.UseSqlite(Sqlite.Path);
        }
        catch (ArgumentException e)
        {
            // Without the name of a parameter, which is no setting.
            var setting = PostgreSql.ConnectionString is { Length: > 0 }
                ? ":PostgreSql:ConnectionString"
                : ":Sqlite:Path";
            throw new SettingsException(
                $"{Root}{setting}: {(e.ParamName is null ? e.Message : e.Message.Split(" (Parameter '")[0])}");
        }
    }

    // A number alone is a number of days, which nobody means.
    private static void RefuseDays(IConfigurationRoot configuration, SettingSection[] sections)
    {
        foreach (var key in sections.SelectMany(static section => section.Times()))
        {
            if (int.TryParse(configuration[key], NumberStyles.None, CultureInfo.InvariantCulture, out var days)
                && days > 0)
            {
                throw new SettingsException(
                    $"{key} is {days}, which would mean {days} days. Write 00:00:01 for a second, 00:01:00 for a "
                    + $"minute, {days}.00:00:00 for days.");
            }
        }
    }

    // As the binder converts, whose own error names types of .NET and not what is wanted.
    private static void RefuseOtherTypes(IConfigurationRoot configuration, SettingSection[] sections)
    {
        foreach (var (key, type) in sections.SelectMany(static section => section.Types()))
        {
            var wanted = Nullable.GetUnderlyingType(type) ?? type;
            if (configuration[key] is not { Length: > 0 } value || WantedOf(wanted) is not { } what)
            {
                continue;
            }

            try
            {
                TypeDescriptor.GetConverter(wanted).ConvertFromInvariantString(value);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                throw new SettingsException($"{key} is '{value}'; wanted is {what}.");
            }
        }
    }

    private static string? WantedOf(Type type) => type switch
    {
        _ when type == typeof(int) || type == typeof(long) => "a whole number, as 250",
        _ when type == typeof(double) => "a number, as 0.5",
        _ when type == typeof(bool) => "true or false",
        _ when type == typeof(TimeSpan) => "a length of time, as 00:00:10 for ten seconds",
        { IsEnum: true } => "one of " + string.Join(", ", Enum.GetNames(type)),
        _ => null,
    };

    // A misspelt setting would leave its default in force without a word.
    private static void RefuseUnknown(IConfigurationSection root, SettingSection[] sections)
    {
        var known = sections.SelectMany(static section => section.Keys()).ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var (path, value) in root.AsEnumerable())
        {
            var name = SettingSection.WithoutIndexes(path);
            if (value is not null && !known.Contains(name))
            {
                // The nearest section that there is: what is misspelt may be the section itself.
                var parent = name[..name.LastIndexOf(':')];
                while (parent.Contains(':', StringComparison.Ordinal) && !Under(parent).Any())
                {
                    parent = parent[..parent.LastIndexOf(':')];
                }

                var siblings = Under(parent).Select(key => key[(parent.Length + 1)..].Split(':')[0])
                    .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
                throw new SettingsException(
                    $"there is no setting {path}. {parent} has: {string.Join(", ", siblings)}.");
            }
        }

        IEnumerable<string> Under(string section) =>
            known.Where(key => key.StartsWith($"{section}:", StringComparison.OrdinalIgnoreCase));
    }

    private static void Validate(SettingSection section)
    {
        var problems = new List<ValidationResult>();
        if (!Validator.TryValidateObject(
            section.Target, new ValidationContext(section.Target), problems, validateAllProperties: true))
        {
            throw new SettingsException($"{section.Prefix}: {problems[0].ErrorMessage}");
        }
    }
}
