using '../../infra/main.bicep'

// What is off by default, so that the snapshot has it too.
param environmentName = 'options'
param corpId = readEnvironmentVariable('WECOM_CORP_ID')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL')
param alertWebhook = 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=00000000-0000-0000-0000-000000000000'
param monthlyBudget = 200
param budgetFrom = '2026-12-01'
param zoneRedundant = true
param storageSku = 'Standard_ZRS'
param natSku = 'StandardV2'
param privateEndpoints = 'only'
param privateHostStorage = true
param customDomain = 'login.example.com'
param departmentNames = true
param sessionIssuer = 'https://login.example.com/api'
param sessionAudience = 'orders-api, crm'
param sessionLifetimeMinutes = 30
param sessionClaims = 'name,department'
param memberData = true
param miniProgramAppId = 'wx0123456789abcdef'
param openTelemetry = {
  OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example.com:4317'
}
param apps = [
  {
    name: 'sales'
    corpId: 'wwfedcba0987654321'
    miniProgramAppId: 'wxfedcba9876543210'
  }
  {
    name: 'legacy'
    corpId: 'wx0123456789abcdef'
    corpSecretName: 'corpsecret-of-before'
    miniProgramAppId: 'wx0011223344556677'
  }
]
