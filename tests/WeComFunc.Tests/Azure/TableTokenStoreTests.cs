using System.Buffers.Text;
using System.Text.Json;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Microsoft.Extensions.Configuration;
using WeComFunc.AccessTokens;
using WeComFunc.Azure;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// What the token rules rely on in the table: compare-and-swap on the ETag, a table that makes itself, a row that survives as it is.
/// </summary>
[Collection(AzuriteCollection.Name)]
public sealed class TableTokenStoreTests(Azurite azurite) : IAsyncLifetime
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, 123, TimeSpan.Zero);
    private static readonly WeComApp App = new("ww1234567890abcdef", "wecom-corpsecret");

    private readonly TableClient _table = Table(azurite);

    private TableTokenStore Store => new(_table);

    public async Task InitializeAsync() => await _table.CreateIfNotExistsAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_row_that_nobody_wrote_is_none()
    {
        Assert.Null(await Store.ReadAsync(App, CancellationToken.None));
        Assert.Null(await new TableTokenStore(Table(azurite)).ReadAsync(App, CancellationToken.None));
    }

    [Fact]
    public async Task A_row_comes_back_as_it_was_written()
    {
        var written = new TokenRow
        {
            PartitionKey = App.CorpId,
            RowKey = App.Name,
            SealedToken = "企业微信 \"quoted\" \\ 😀\n",
            SealedWith = "0123456789abcdef",
            ObtainedAt = Noon,
            ExpiresAt = Noon.AddTicks(1),
            RenewableAt = Noon.AddHours(1),
            Lease = "a lease",
            LeasedAt = Noon,
            Failures = int.MaxValue,
            FailureKind = "Busy",
            FailureErrcode = -1,
            RefusedSecret = "fedcba9876543210",
            RetryAt = Noon,
            Rejections = 1,
            RejectionErrcode = 0,
            RejectionRetryAt = Noon,
        };

        var etag = await Store.WriteAsync(written, CancellationToken.None);

        var read = await Store.ReadAsync(App, CancellationToken.None);
        Assert.Equal(written with { ETag = etag!.Value }, read);
    }

    [Fact]
    public async Task Every_column_comes_back()
    {
        var written = TokenRow.For(App);
        foreach (var column in typeof(TokenRow).GetProperties().ExceptBy(
            ["PartitionKey", "RowKey", "ETag"], column => column.Name))
        {
            var type = Nullable.GetUnderlyingType(column.PropertyType) ?? column.PropertyType;
            object value = type == typeof(string)
                ? column.Name
                : type == typeof(int) ? 7
                : type == typeof(double) ? 1.5
                : type == typeof(bool) ? true
                : type == typeof(DateTimeOffset) ? Noon
                : throw new NotSupportedException(column.Name);
            column.SetValue(written, value);
        }

        var etag = await Store.WriteAsync(written, CancellationToken.None);

        var read = await Store.ReadAsync(App, CancellationToken.None);
        Assert.Equal(written with { ETag = etag!.Value }, read);
    }

    [Fact]
    public async Task What_is_empty_comes_back_empty_also_where_it_was_not()
    {
        var empty = TokenRow.For(App);
        var first = await Store.WriteAsync(
            empty with { SealedToken = "token", ExpiresAt = Noon, FailureErrcode = 40001 }, CancellationToken.None);

        var second = await Store.WriteAsync(empty with { ETag = first!.Value }, CancellationToken.None);

        var read = await Store.ReadAsync(App, CancellationToken.None);
        Assert.Equal(empty with { ETag = second!.Value }, read);
    }

    [Fact]
    public async Task A_time_with_an_offset_comes_back_as_the_same_instant_in_utc()
    {
        await Store.WriteAsync(TokenRow.For(App) with { ExpiresAt = Noon.ToOffset(TimeSpan.FromHours(8)) }, CancellationToken.None);

        var at = (await Store.ReadAsync(App, CancellationToken.None))!.ExpiresAt!.Value;

        Assert.Equal((Noon, TimeSpan.Zero), (at, at.Offset));
    }

    [Fact]
    public async Task A_column_that_the_row_lacks_has_its_initial_value()
    {
        await _table.AddEntityAsync(new TableEntity(App.CorpId, App.Name));

        Assert.Equal(TokenRow.CurrentVersion, (await Store.ReadAsync(App, CancellationToken.None))!.Version);
    }

    [Theory]
    [InlineData("ExpiresAt", "tomorrow")]
    [InlineData("ExpiresAt", 7200)]
    [InlineData("Failures", "many")]
    [InlineData("Failures", 5_000_000_000L)]
    [InlineData("Failures", 0.5)]
    [InlineData("FailureErrcode", true)]
    [InlineData("ServedLogin", "yes")]
    [InlineData("Version", "one")]
    public async Task A_column_of_another_type_is_invalid_data_and_its_value_is_shown_to_nobody(string column, object value)
    {
        await _table.AddEntityAsync(new TableEntity(App.CorpId, App.Name) { [column] = value });

        var invalid = await Assert.ThrowsAsync<InvalidDataException>(() => Store.ReadAsync(App, CancellationToken.None));

        Assert.Equal("A column of the token row is of another type.", invalid.Message);
        Assert.Null(invalid.InnerException);
    }

    [Fact]
    public async Task A_write_is_answered_with_the_etag_that_is_read_next()
    {
        var first = await Store.WriteAsync(TokenRow.For(App), CancellationToken.None);
        Assert.Equal(first, (await Store.ReadAsync(App, CancellationToken.None))!.ETag);

        var second = await Store.WriteAsync(TokenRow.For(App) with { ETag = first!.Value }, CancellationToken.None);

        Assert.NotEqual(first, second);
        Assert.Equal(second, (await Store.ReadAsync(App, CancellationToken.None))!.ETag);
    }

    [Fact]
    public async Task A_second_insert_of_a_row_is_not_written()
    {
        await Store.WriteAsync(TokenRow.For(App) with { Lease = "first" }, CancellationToken.None);

        Assert.Null(await Store.WriteAsync(TokenRow.For(App) with { Lease = "second" }, CancellationToken.None));

        Assert.Equal("first", (await Store.ReadAsync(App, CancellationToken.None))!.Lease);
    }

    [Fact]
    public async Task A_write_over_an_older_etag_is_not_written()
    {
        var stale = await Store.WriteAsync(TokenRow.For(App), CancellationToken.None);
        await Store.WriteAsync(TokenRow.For(App) with { ETag = stale!.Value, Lease = "newer" }, CancellationToken.None);

        Assert.Null(await Store.WriteAsync(TokenRow.For(App) with { ETag = stale.Value, Lease = "late" }, CancellationToken.None));

        Assert.Equal("newer", (await Store.ReadAsync(App, CancellationToken.None))!.Lease);
    }

    [Fact]
    public async Task A_write_over_a_row_that_was_deleted_is_not_written()
    {
        var etag = await Store.WriteAsync(TokenRow.For(App), CancellationToken.None);
        await _table.DeleteEntityAsync(App.CorpId, App.Name);

        Assert.Null(await Store.WriteAsync(TokenRow.For(App) with { ETag = etag!.Value }, CancellationToken.None));
    }

    [Fact]
    public async Task Of_twenty_inserts_at_once_one_wins_also_where_they_have_to_make_the_table()
    {
        var store = new TableTokenStore(Table(azurite));

        var etags = await AtOnce(20, _ => store.WriteAsync(TokenRow.For(App), CancellationToken.None));

        Assert.Single(etags, etag => etag is not null);
    }

    [Fact]
    public async Task Of_twenty_updates_with_one_etag_at_once_one_wins()
    {
        var etag = await Store.WriteAsync(TokenRow.For(App), CancellationToken.None);

        var etags = await AtOnce(
            20, i => Store.WriteAsync(TokenRow.For(App) with { ETag = etag!.Value, Failures = i }, CancellationToken.None));

        Assert.Single(etags, one => one is not null);
    }

    [Theory]
    [InlineData("wx0123456789abcdef", "default")]
    [InlineData("wpAB_cd-EF", "app1")]
    public async Task Every_corpid_and_name_is_a_key(string corpId, string name)
    {
        var app = new WeComApp(corpId, "wecom-corpsecret", name);
        var etag = await Store.WriteAsync(TokenRow.For(app), CancellationToken.None);

        Assert.NotNull(await Store.WriteAsync(TokenRow.For(app) with { ETag = etag!.Value }, CancellationToken.None));
        Assert.Equal(
            (corpId, name), (await Store.ReadAsync(app, CancellationToken.None)) is { } row ? (row.PartitionKey, row.RowKey) : default);
    }

    [Fact]
    public async Task A_wrong_key_is_refused_with_403_and_shown_to_nobody()
    {
        var wrong = Convert.ToBase64String("not the key of the emulator"u8);
        var store = new TableTokenStore(
            new($"AccountName=devstoreaccount1;AccountKey={wrong};TableEndpoint={azurite.Endpoint}", "anything"));

        var refused = await Assert.ThrowsAsync<RequestFailedException>(() => store.WriteAsync(TokenRow.For(App), CancellationToken.None));

        Assert.Equal(403, refused.Status);
        Assert.DoesNotContain(wrong, refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_that_is_given_up_ends_at_once_though_the_service_hangs()
    {
        await azurite.FreezeAsync();
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));

            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.ReadAsync(App, limit.Token));
        }
        finally
        {
            await azurite.ResumeAsync();
        }

        Assert.Null(await Store.ReadAsync(App, CancellationToken.None));
    }

    [Fact]
    public async Task A_service_that_is_down_is_a_failure_without_a_status()
    {
        await azurite.StopAsync();
        try
        {
            var down = await Assert.ThrowsAsync<RequestFailedException>(() => Store.WriteAsync(TokenRow.For(App), CancellationToken.None));

            Assert.Equal((0, null), (down.Status, down.ErrorCode));
        }
        finally
        {
            await azurite.StartAsync();
        }
    }

    private static TableClient Table(Azurite azurite) =>
        new(azurite.ConnectionString, LoginHost.NewTable(), new() { Retry = { MaxRetries = 0 } });

    private static async Task<T[]> AtOnce<T>(int count, Func<int, Task<T>> action) =>
        await Task.WhenAll(Enumerable.Range(0, count).Select(i => Task.Run(() => action(i))));
}

/// <summary>The table by an identity in place of a key.</summary>
public sealed class TableIdentityTests(TableIdentityTests.Emulator emulator) : IClassFixture<TableIdentityTests.Emulator>
{
    // A row of its own for each test.
    private readonly WeComApp _app = new("ww1234567890abcdef", "wecom-corpsecret", $"app{Guid.NewGuid():n}");
    private readonly List<string> _scopes = [];

    private Azurite Azurite => emulator.Azurite;

    [Fact]
    public async Task A_token_for_storage_opens_the_table()
    {
        var store = Store(audience: "https://storage.azure.com");

        Assert.NotNull(await store.WriteAsync(TokenRow.For(_app), CancellationToken.None));
        Assert.NotNull(await store.ReadAsync(_app, CancellationToken.None));

        Assert.Equal("https://storage.azure.com/.default", _scopes.Distinct().Single());
    }

    [Fact]
    public async Task A_token_for_something_else_is_refused_with_403_and_shown_to_nobody()
    {
        var store = Store(audience: "https://vault.azure.net");

        var refused = await Assert.ThrowsAsync<RequestFailedException>(() => store.WriteAsync(TokenRow.For(_app), CancellationToken.None));

        Assert.Equal(403, refused.Status);
        Assert.DoesNotContain(Token("https://vault.azure.net"), refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_azure_china_the_token_is_asked_for_there()
    {
        await Store(audience: "https://storage.azure.com", TableAudience.AzureChina).WriteAsync(TokenRow.For(_app), CancellationToken.None);

        Assert.Equal("https://storage.azure.cn/.default", _scopes.Distinct().Single());
    }

    [Fact]
    public async Task An_account_in_the_path_is_the_same_with_and_without_a_last_slash()
    {
        var with = new TableTokenStore(Client($"{Azurite.Endpoint}/"));
        var without = new TableTokenStore(Client($"{Azurite.Endpoint}"));

        var written = await with.WriteAsync(TokenRow.For(_app) with { Lease = "shared" }, CancellationToken.None);

        Assert.NotNull(written);
        var read = await without.ReadAsync(_app, CancellationToken.None);
        Assert.Equal((written, "shared"), (read!.ETag, read.Lease));
    }

    private static string Token(string audience)
    {
        static string Part(object part) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(part));
        var today = new DateTimeOffset(DateTimeOffset.UtcNow.Date, TimeSpan.Zero);
        var claims = new
        {
            aud = audience,
            iss = "https://sts.windows.net/00000000-0000-0000-0000-000000000000/",
            iat = today.AddDays(-1).ToUnixTimeSeconds(),
            nbf = today.AddDays(-1).ToUnixTimeSeconds(),
            exp = today.AddDays(2).ToUnixTimeSeconds(),
        };
        return $"{Part(new { alg = "none", typ = "JWT" })}.{Part(claims)}.none";
    }

    private TableTokenStore Store(string audience, TableAudience? cloud = null) =>
        new(new TableClient(Azurite.Endpoint, "tokens", Credential(audience), Options(cloud)));

    /// <summary>A client as the product makes it of the setting.</summary>
    private TableClient Client(string serviceUri)
    {
        var settings = Settings.Read(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["WeCom:CorpId"] = _app.CorpId,
            ["KeyVault:Uri"] = "https://name.vault.azure.net/",
            ["TokenStore:ServiceUri"] = serviceUri,
        }).Build());
        return TableTokenStore.CreateClient(settings.Azure, () => Credential("https://storage.azure.com"), Options());
    }

    private TokenCredential Credential(string audience) => DelegatedTokenCredential.Create((request, _) =>
    {
        _scopes.AddRange(request.Scopes);
        return new global::Azure.Core.AccessToken(Token(audience), DateTimeOffset.UtcNow.AddHours(1));
    });

    private TableClientOptions Options(TableAudience? cloud = null) => new()
    {
        Audience = cloud,
        Retry = { MaxRetries = 0 },
        Transport = new HttpClientTransport(Azurite.CreateTrustingHandler()),
    };

    /// <summary>One that takes tokens.</summary>
    public sealed class Emulator : IAsyncLifetime
    {
        public Azurite Azurite { get; } = Azurite.WithBearerTokens();

        public Task InitializeAsync() => Azurite.InitializeAsync();

        public Task DisposeAsync() => Azurite.DisposeAsync();
    }
}
